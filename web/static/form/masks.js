/* Regions are out of sight at first; where the form gets masks they are shown. */
import {all} from "../core/dom.js";

let seen = "";

/** Unfolds the regions if the form's masks are others now. */
export const unfold = () => {
  const held = all(document, "[id^='value-mask-'] :is(textarea, input)");
  const masks = held.map((one) => /** @type {HTMLInputElement} */ (one).value).join("");
  const fold = document.querySelector("#parts > button:not(.open)");
  if (masks && masks !== seen && fold instanceof HTMLElement) fold.click();
  seen = masks;
};
