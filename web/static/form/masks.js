/* Regions are out of sight at first; where the form gets masks, or a photo that was painted on, they are shown. */
import {all} from "../core/dom.js";
import {picture} from "../studio/uploads.js";
import {isPainted} from "./memory.js";

let seen = "";

/** Unfolds the regions; Gradio draws them then. */
export const open = () => {
  const fold = document.querySelector("#parts > button:not(.open)");
  if (fold instanceof HTMLElement) fold.click();
};
/** What fields of the form hold.
 * @param {string} kind */
const held = (kind) =>
  all(document, `[id^='value-${kind}'] :is(textarea, input)`)
    .map((one) => /** @type {HTMLInputElement} */ (one).value)
    .join("");
/** Unfolds the regions if the form's masks, or its photo, are others now. */
export const unfold = () => {
  const photo = picture(held("photo"));
  const there = held("mask-") + (isPainted(photo) ? photo : "");
  if (there && there !== seen) open();
  seen = there;
};
