/* Pictures that are pasted or dropped beside the fields: the first is the photo, a second the style. */
import {find, origin} from "../core/dom.js";
import {read} from "../core/router.js";
import {names, take} from "../studio/field.js";

const TYPED = "input:not([type=range], [type=radio], [type=file]), textarea, select";
const photo = () => find(document, "#photo .field");
const here = () => read().view === "studio" && !document.querySelector("dialog[open]");

/** @param {DataTransfer | null} transfer */
const pictures = (transfer) => [...(transfer?.files ?? [])].filter((file) => !/^(text|video|audio)/.test(file.type));
/** @param {File[]} files */
const place = ([first, second]) => {
  if (first) take("photo", first);
  if (second) take(names("style")[0], second);
};
/** @param {boolean} over */
const light = (over) => photo().classList.toggle("over", over);

export const start = () => {
  document.addEventListener("paste", (event) => {
    const files = pictures(event.clipboardData);
    if (event.defaultPrevented || !here() || !files.length || origin(event, TYPED)) return;
    event.preventDefault();
    place(files);
  });
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    if (here()) light(!event.defaultPrevented || Boolean(origin(event, "#photo")));
    event.preventDefault(); // or the browser would leave the page for a file that misses
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) light(false);
  });
  document.addEventListener("drop", (event) => {
    light(false);
    if (event.defaultPrevented || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (here()) place(pictures(event.dataTransfer));
  });
};
