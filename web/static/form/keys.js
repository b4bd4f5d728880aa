/* Keys of the studio's page, and the list of them. */
import {closer, overlay} from "../core/controls.js";
import {all, element, fill, find, origin} from "../core/dom.js";
import {read} from "../core/router.js";
import {t} from "../core/text.js";

const TYPED = "input:not([type=radio], [type=checkbox], [type=file], [type=range]), textarea, select";
const ROWS = ".shelf, .tiles, .strengths"; // in which the arrows go from picture to picture
const THICKER = 4; // percent of the picture, for one press of a bracket
const LIST = ["send", "undo", "row", "brush", "close", "list"];
const UNDO = ".toast:not([hidden]) button, #paint .undo:not([disabled])";

const list = () => {
  const dialog = overlay(() => dialog.remove());
  dialog.classList.add("keys");
  dialog.append(
    closer(dialog),
    element("h2", {}, t("keys")),
    element(
      "dl",
      {class: "made"},
      LIST.flatMap((name) => [
        element("dt", {}, element("kbd", {}, t(`keys.${name}.key`))),
        element("dd", {}, t(`keys.${name}`)),
      ]),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
};
/** Makes the brush of the regions thicker, or thinner.
 * @param {number} by */
const brush = (by) => {
  const slider = document.querySelector("#paint .thick");
  if (slider instanceof HTMLInputElement) fill(slider, String(Number(slider.value) + by));
};
/** Goes to the picture beside the one that has the focus.
 * @param {HTMLElement} knob
 * @param {number} by */
const beside = (knob, by) => {
  const knobs = all(knob.closest(ROWS) ?? document, "button:not(.plus)");
  knobs[knobs.indexOf(knob) + by]?.focus();
};
/** Makes a row one stop of the Tab key, at the picture that has the focus.
 * @param {FocusEvent} event */
const stop = (event) => {
  const knob = origin(event, `:is(${ROWS}) button:not(.plus)`);
  if (!knob) return;
  for (const one of all(knob.closest(ROWS) ?? document, "button:not(.plus)")) one.tabIndex = one === knob ? 0 : -1;
};
/** Makes each choice of one of several one stop of the Tab key: Gradio gives
 * each of its buttons a name of its own, again and again. */
const group = () => {
  for (const knob of all(document, "#form .segments input[type=radio]"))
    if (knob instanceof HTMLInputElement) knob.name = knob.closest(".segments")?.id ?? "";
};
/** What takes the last change back, if anything does. */
const undo = () => {
  const [knob] = all(document, UNDO);
  return knob ? () => knob.click() : null;
};
/** @param {KeyboardEvent} event
 * @returns {(() => unknown) | null} */
const meant = (event) => {
  if (document.querySelector("dialog[open]")) return null;
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && read().view === "studio")
    return () => document.getElementById("send")?.click();
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !origin(event, TYPED)) return undo();
  if (event.ctrlKey || event.metaKey || event.altKey || origin(event, TYPED)) return null;
  const knob = origin(event, `:is(${ROWS}) button`);
  switch (event.key) {
    case "?":
      return list;
    case "[":
      return () => brush(-THICKER);
    case "]":
      return () => brush(THICKER);
    case "ArrowLeft":
      return knob && (() => beside(knob, -1));
    case "ArrowRight":
      return knob && (() => beside(knob, 1));
    default:
      return null;
  }
};
export const start = () => {
  document.addEventListener("keydown", group); // before the browser moves the focus
  document.addEventListener("keydown", (event) => {
    const act = event.defaultPrevented ? null : meant(event);
    if (!act) return;
    event.preventDefault();
    act();
  });
  document.addEventListener("focusin", stop);
  find(document, "#skip").addEventListener("click", () => find(document, "#send").focus());
};
