// What assistive technology asks of the theme: each region has a name of its own, and what scrolls sideways can be reached
// with a keyboard.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelector(".sidebar-drawer")?.setAttribute("aria-label", "Menu");
  document.querySelector(".toc-drawer")?.setAttribute("aria-label", "On this page");
  let number = 0;
  document.querySelectorAll(".table-wrapper, .highlight pre, pre.literal-block").forEach((one) => {
    if (one.scrollWidth <= one.clientWidth) return;
    number += 1;
    one.tabIndex = 0;
    one.setAttribute("role", "region");
    one.setAttribute("aria-label", `${one.matches("pre") ? "Code" : "Table"} ${number}`);
  });
});
