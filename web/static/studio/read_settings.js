/* A picture made here, dropped or chosen, gives its settings to the form. */
import {ask, sentence} from "../core/api.js";
import {element, find} from "../core/dom.js";
import {acceptDrops} from "../core/files.js";
import {icon} from "../core/icons.js";
import {button} from "../core/controls.js";
import {under} from "../core/place.js";
import {t} from "../core/text.js";
import {changing} from "../form/undo.js";
import {names, put, value} from "./field.js";
import {discard} from "./uploads.js";

const WRITTEN = "image/png,image/jpeg,image/webp"; // kinds that the studio writes

/** Empties the form's fields. */
const clear = () => {
  const held = ["photo", ...names("style"), ...names("mask")].filter(value);
  const texts = held.map(value);
  changing(t("form.cleared"), () => texts.forEach(discard));
  for (const name of held) put(name, "");
};

/**
 * @param {HTMLElement} host
 * @param {Page.Trigger} trigger
 */
export const start = (host, trigger) => {
  const said = element("span", {role: "status"});
  /** @param {File} [file] */
  const read = async (file) => {
    if (!file) return;
    const body = new FormData();
    body.append("picture", file);
    try {
      trigger("reuse", {options: (await ask(under("/api/v1/settings"), {method: "POST", body})).options});
      said.textContent = t("read.done");
    } catch (error) {
      said.textContent = sentence(error);
    }
  };
  const field = element("input", {
    type: "file",
    accept: WRITTEN,
    "aria-label": t("read"),
    onchange: () => {
      read(field.files?.[0]);
      field.value = "";
    },
  });
  const place = element("label", {class: "quiet reader"}, icon("again"), element("span", {}, t("read")), field);
  acceptDrops(place, ([file]) => read(file));
  find(host, "#read").replaceChildren(place, button(t("form.clear"), "close", clear), said);
};
