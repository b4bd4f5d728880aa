/* Presets: settings that go well together, each a press. */
import {button} from "../core/controls.js";
import {all, element, find} from "../core/dom.js";
import {t} from "../core/text.js";
import {held, refill} from "./memory.js";
import {changing} from "./undo.js";

/** @type {Record<string, Record<string, string>>} name → values of controls, by their ids */
const PRESETS = {
  true: {strength: "80", color: "luminance", strokes: "100"},
  bold: {strength: "100", color: "style", strokes: "200"},
  gentle: {strength: "45", color: "style", strokes: "100"},
  fine: {strength: "80", color: "style", strokes: "60"},
};

const row = element("div", {class: "line presets", role: "group"});
/** @param {string} name */
const press = (name) => {
  changing(t("preset.set", {name: t(`preset.${name}`)}));
  refill(PRESETS[name]);
};
/** Marks the preset whose settings the form has. */
const mark = () => {
  const now = held();
  for (const knob of all(row, "button")) {
    const wanted = Object.entries(PRESETS[knob.dataset.name ?? ""]);
    knob.setAttribute("aria-pressed", String(wanted.every(([id, value]) => now[id] === value)));
  }
};
export const start = () => {
  row.setAttribute("aria-label", t("presets"));
  row.replaceChildren(
    element("span", {class: "hint"}, t("presets")),
    ...Object.keys(PRESETS).map((name) =>
      button(t(`preset.${name}`), null, () => press(name), {"data-name": name, "aria-pressed": "false"}),
    ),
  );
  const strength = find(document, "#strength");
  (strength.closest(".gr-group") ?? strength).before(row);
  for (const kind of ["input", "change"]) find(document, "#form").addEventListener(kind, () => setTimeout(mark));
  mark();
};
