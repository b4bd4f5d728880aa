/* Light or dark: as the system says, until the visitor chooses; this browser keeps the choice. */
const KEPT = "theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export const dark = () => {
  const chosen = localStorage.getItem(KEPT);
  return chosen ? chosen === "dark" : system.matches;
};
/** The element that carries the class: Gradio's page has it on its body.
 * @returns {HTMLElement} */
const root = () => (document.body.classList.contains("alone") ? document.documentElement : document.body);
const apply = () => {
  root().classList.toggle("dark", dark());
  document.documentElement.style.colorScheme = dark() ? "dark" : "light"; // scrollbars too
};
export const swap = () => {
  localStorage.setItem(KEPT, dark() ? "light" : "dark");
  apply();
};
export const start = () => {
  apply();
  system.addEventListener("change", () => setTimeout(apply)); // after Gradio's own
};
