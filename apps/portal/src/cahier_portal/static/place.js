// Fills in the coordinates from the device, when a person asks for it. Without it one types a place.
(() => {
  "use strict";
  const part = (name) => document.querySelector(`[data-place="${name}"]`);
  const offer = part("offer");
  if (!offer || !navigator.geolocation || !window.isSecureContext) return;
  const told = part("told");
  const field = (name) => document.getElementById(name);

  part("ask").addEventListener("click", () => {
    told.textContent = "";
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        field("lat").value = coords.latitude.toFixed(6);
        field("lon").value = coords.longitude.toFixed(6);
        told.textContent = told.dataset.found;
      },
      () => { told.textContent = told.dataset.failed; },
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 60000 },
    );
  });
  offer.hidden = false;
})();
