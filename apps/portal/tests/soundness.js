// What tests ask a page in Chromium, beside axe-core's rules. Injected by tests alone.
window.cahier = {
  // Text whose contrast is below WCAG 2.2 AA (4.5, or 3 where it is large), with its ratio.
  lowContrast: () => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const rgba = (colour) => {
      canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => {
      const [x, y, z] = [r, g, b].map((c) => {
        c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const ground = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const colour = rgba(getComputedStyle(at).backgroundColor);
        if (colour[3] === 255) return colour;
      }
      return rgba("Canvas");
    };
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const element = texts.currentNode.parentElement;
      if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
      if (element.closest(".hidden, script, svg, title")) continue;
      const style = getComputedStyle(element);
      const [a, b] = [light(rgba(style.color)), light(ground(element))].sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5)) found.push([texts.currentNode.data.trim(), ratio.toFixed(2)]);
    }
    return found;
  },

  // What a screen reader or a thumb would miss.
  flaws: () => {
    const flaws = [];
    const count = (selector) => document.querySelectorAll(selector).length;
    for (const [selector, wanted] of [["main", 1], ["h1", 1], ["header", 1], ["footer", 1]])
      if (count(selector) !== wanted) flaws.push(`${count(selector)} of ${selector}`);
    if (!document.documentElement.lang) flaws.push("no language");
    const levels = [...document.querySelectorAll("h1,h2,h3,h4")]
      .filter((heading) => heading.checkVisibility()).map((heading) => Number(heading.tagName[1]));
    levels.forEach((level, index) => {
      const before = index ? levels[index - 1] : level;
      if (level > before + 1) flaws.push(`heading ${level} after ${before}`);
    });
    for (const control of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
      if (!control.labels.length) flaws.push(`no label: ${control.name}`);
    for (const named of document.querySelectorAll("a, button, summary"))
      if (!(named.textContent.trim() || named.ariaLabel)) flaws.push(`no name: ${named.outerHTML}`);
    for (const pointing of document.querySelectorAll("[aria-describedby], [aria-labelledby]"))
      for (const name of ["aria-describedby", "aria-labelledby"])
        for (const id of (pointing.getAttribute(name) || "").split(" ").filter(Boolean))
          if (!document.getElementById(id)) flaws.push(`${name} names no ${id}`);
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    ids.filter((id, index) => ids.indexOf(id) !== index).forEach((id) => flaws.push(`twice: ${id}`));
    for (const link of document.querySelectorAll('a[href^="#"]'))
      if (!document.getElementById(link.getAttribute("href").slice(1)))
        flaws.push(`leads nowhere: ${link.getAttribute("href")}`);
    const targets = "button, .button, input, select, nav a, summary";
    for (const target of document.querySelectorAll(targets)) {
      const box = target.getBoundingClientRect();
      if (target.checkVisibility() && target.type !== "hidden" && box.width && box.height < 23.5)
        flaws.push(`small target (${box.height}): ${target.outerHTML.slice(0, 90)}`);
    }
    const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (over > 0) flaws.push(`${over} px too wide`);
    return flaws;
  },

  // Violations of axe-core's rules: WCAG 2.2 A and AA, and best practice. only: ids of rules.
  violations: async (only) => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const runOnly = only ? { type: "rule", values: only } : { type: "tag", values: tags };
    const found = await axe.run(document, { runOnly, resultTypes: ["violations"] });
    return found.violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]);
  },
};
