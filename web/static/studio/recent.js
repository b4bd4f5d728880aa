/* The visitor's own recent styles, as a row to choose from. */
import {putStyle} from "./field.js";
import {ask} from "../core/api.js";
import {element} from "../core/dom.js";
import {t} from "../core/text.js";

let row = null, face = "";

export const recent = async () => {
  try { return await ask("/api/v1/styles"); } catch (error) { return []; }
};
export const refresh = async () => { // a picture was made, or some were deleted
  if (!row) return;
  const found = await recent();
  const now = found.map((one) => one.digest).join();
  if (now === face) return;
  face = now;
  row.hidden = !found.length;
  row.querySelector(".shelf").replaceChildren(...found.map((one, place) => element("button", {type: "button", "data-job": one.job, "data-place": one.place, title: t("recent.number", {count: place + 1})},
    element("img", {src: one.thumbnail, alt: t("recent.number", {count: place + 1}), width: 64, height: 64, loading: "lazy"}))));
};
export const start = (host) => {
  row = host.querySelector("#recent");
  row.replaceChildren(element("p", {class: "hint", id: "recent-title"}, t("recent")), element("div", {class: "shelf", role: "group", "aria-labelledby": "recent-title"}));
  row.addEventListener("click", (event) => {
    const knob = event.target.closest("button");
    if (knob) putStyle(`job:${knob.dataset.job}/styles/${knob.dataset.place}`);
  });
  refresh();
};
