// What scrolls sideways can be reached and named with a keyboard: wide tables and code.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".table-wrapper, .highlight pre, pre.literal-block").forEach((one) => {
    if (one.scrollWidth <= one.clientWidth) return;
    one.tabIndex = 0;
    one.setAttribute("role", "region");
    one.setAttribute("aria-label", one.matches("pre") ? "Code" : "Table");
  });
});
