import {element, shaped} from "./dom.js";
import {icon} from "./icons.js";
import {t} from "./text.js";

export const button = (text, picture, onclick, given = {}) =>
  element("button", {type: "button", class: "quiet", onclick, ...given}, picture ? icon(picture) : null, element("span", {}, text));
export const anchor = (text, picture, given) =>
  element("a", {class: "quiet", ...given}, icon(picture), element("span", {}, text));
export const message = (picture, title, text, ...more) =>
  element("div", {class: "message"}, icon(picture), title.nodeType ? title : element("h2", {}, title), element("p", {}, text), ...more);

/* Tells whether a press only belongs to the one before: the second of a double click, a held key. */
export const DOUBLE = 500; // milliseconds
const unready = (knob) => knob.getAttribute("aria-disabled") === "true";
export const rest = (knob) => { // so that a press that comes at once confirms nothing
  knob.setAttribute("aria-disabled", "true");
  setTimeout(() => knob.removeAttribute("aria-disabled"), DOUBLE);
};
export const hasty = (knob, event) => unready(knob) || event.detail > 1;

/* A button for what can't be taken back: the first press asks, the second counts. */
export const twice = (text, question, picture, act) => {
  const knob = button(text, picture, (event) => {
    if (hasty(knob, event)) return;
    if (knob.classList.contains("bad")) return act();
    knob.classList.add("bad");
    knob.querySelector("span").textContent = question;
    rest(knob);
  });
  return knob;
};
/* A text to take along, and the button that does. */
export const copied = (value, name, told) => {
  const field = element("input", {type: "text", readonly: true, value, "aria-label": name, onfocus: () => field.select()});
  const copy = async () => {
    try { await navigator.clipboard.writeText(value); } catch (error) { field.select(); document.execCommand("copy"); }
    told();
  };
  return [field, button(t("copy"), "link", copy)];
};
export const small = (...text) => element("span", {class: "small"}, text.filter(Boolean).join(" · "));
export const what = (...inside) => element("div", {class: "what"}, inside.flat());
export const row = (...inside) => element("li", {class: "row"}, inside.flat());
export const rows = (list, empty) => (list.length ? element("ul", {class: "rows"}, list) : element("p", {class: "none"}, empty));
export const settings = (options, styles, masks, network) => [
  t("strength.is", {count: Math.round(options.alpha * 100)}),
  t(`color.${options.color}.is`),
  styles > 1 ? t("styles.count", {count: styles}) : null,
  masks ? t("masks") : null,
  options.size ? t("size.is", {count: options.size}) : t("size.whole"),
  network,
].filter(Boolean);

export const compare = (after, before, width, height) => {
  const slider = element("input", {
    type: "range", min: 0, max: 100, value: 50, step: 1, "aria-label": t("compare"),
    oninput: () => box.style.setProperty("--at", `${slider.value}%`),
  });
  const box = element("div", {class: "compare"},
    element("img", {src: after, alt: t("alt.result"), class: "after"}),
    element("img", {src: before, alt: t("alt.photo"), class: "before"}),
    element("span", {class: "tag left", "aria-hidden": "true"}, t("photo")),
    element("span", {class: "tag right", "aria-hidden": "true"}, t("repainted")),
    element("span", {class: "grip", "aria-hidden": "true"}),
    slider,
  );
  return shaped(box, width, height);
};

/* Resolves once no press is under way: what a press began on must still be there when it ends. */
const GESTURE = 50; // milliseconds from the end of a touch to the click it makes
let pressing = false;
document.addEventListener("pointerdown", () => { pressing = true; }, true);
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => { pressing = false; }, true);
export const released = async () => {
  while (pressing) await new Promise((go) => { setTimeout(go, GESTURE); });
};
