// Tells the moment that the slider points at while it moves, and goes there when it is let go.
// Without it the button does the same.
const slider = document.getElementById("moment");
const told = document.querySelector('[data-slider="told"]');
const labels = [...document.querySelectorAll("#moments option")].map((each) => each.label);

slider?.addEventListener("input", () => {
  told.textContent = labels[slider.value] ?? "";
  slider.setAttribute("aria-valuetext", told.textContent);
});
