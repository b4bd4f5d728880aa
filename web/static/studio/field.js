/* A picture's field: drop, paste, choose or take one, see it, take it away.
 *
 * What a field holds is the text of a hidden input of the form, and nothing else:
 *   upload:ID   shelf:KIND/NAME   job:ID/styles/PLACE   or "" for nothing; crop.js adds a crop.
 * A file is sent to /api/v1/uploads first; what is refused is said in the field it was meant for.
 */
import {reached, sentence as reason} from "../core/api.js";
import {drawIfChanged, element, fill, find, setText} from "../core/dom.js";
import {acceptDrops} from "../core/files.js";
import {icon} from "../core/icons.js";
import {t} from "../core/text.js";
import {accepted, send} from "../films/files.js";
import {unfold} from "../form/masks.js";
import {changing} from "../form/undo.js";
import {photograph} from "./camera.js";
import {choose, used} from "./crop.js";
import {discard} from "./uploads.js";

/** @type {Map<string, HTMLElement>} name → its part of the page */
const fields = new Map();
/** @type {Map<string, Promise<string>>} name → the latest upload that is under way */
const sending = new Map();

/** @param {string} name
 * @returns {HTMLInputElement | HTMLTextAreaElement | null} */
const hidden = (name) => document.querySelector(`#value-${name} textarea, #value-${name} input`);
/** What a field holds.
 * @param {string} name */
export const value = (name) => hidden(name)?.value ?? "";
/** The fields of a kind, in their order.
 * @param {string} kind */
export const names = (kind) => [...fields.keys()].filter((name) => name.startsWith(`${kind}-`)).sort();

/** What a field is called.
 * @param {string} name */
const called = (name) => {
  const [kind, place] = name.split("-");
  return place === undefined
    ? t("form.photo")
    : t(kind === "mask" ? "form.mask" : "style.number", {count: Number(place) + 1});
};

/* ------------------------------------------------------------ what a field holds */

/** @param {string} name
 * @param {string} text */
export const put = (name, text) => {
  sending.delete(name); // an upload that is under way comes too late
  fill(hidden(name), text);
  for (const one of name === "photo" ? fields.keys() : [name]) say(one, ""); // masks are refused for its shape
  follow();
};
/** Puts a style in the first free field, or in the last one.
 * @param {string} text */
export const putStyle = (text) => put(names("style").find((name) => !value(name)) ?? names("style").at(-1) ?? "", text);

/** @param {string} name
 * @returns {HTMLElement} */
const field = (name) => fields.get(name) ?? find(document, `.field[data-name="${name}"]`);
/** @param {string} name
 * @param {string} sentence */
const say = (name, sentence) => setText(find(field(name), ".wrong"), sentence);
/** Says in a field what went wrong, in sight: what was pasted or dropped elsewhere is for it too.
 * @param {string} name
 * @param {string} sentence */
const complain = (name, sentence) => {
  say(name, sentence);
  field(name).scrollIntoView({block: "nearest"});
};
/** Says in a field why the form can't be sent, and goes there.
 * @param {string} name
 * @param {string} sentence */
export const refuse = (name, sentence) => {
  say(name, sentence);
  field(name).scrollIntoView({block: "center", behavior: "smooth"});
  find(field(name), "input, button").focus({preventScroll: true});
};
/** @param {string} name */
const crop = async (name) => {
  const chosen = await choose(value(name), called(name));
  if (chosen !== null) put(name, chosen);
};
/** @param {string} name */
const remove = (name) => {
  const text = value(name);
  changing(t("field.removed"), () => discard(text));
  put(name, "");
};
/** Puts a file into a field, once it is sent.
 * @param {string} name
 * @param {Blob} file */
export const take = async (name, file) => {
  say(name, "");
  const coming = send(field(name), file);
  sending.set(name, coming);
  draw(name);
  try {
    const text = await coming;
    if (sending.get(name) === coming) put(name, text);
  } catch (error) {
    if (sending.get(name) !== coming) return;
    sending.delete(name);
    draw(name);
    complain(name, reason(error));
  }
};
/** Resolves once no upload is under way. */
export const settled = () => Promise.allSettled(sending.values());

/* ------------------------------------------------------------ drawn */

/** @param {string} name */
const chooser = (name) => {
  const input = element("input", {
    type: "file",
    accept: accepted(field(name)),
    "aria-label": t("field.choose", {name: called(name)}),
    onchange: () => {
      const file = input.files?.[0];
      input.value = "";
      if (file) take(name, file);
    },
  });
  return input;
};
/** From the button; a key comes as an event.
 * @param {string} name */
const pasted = async (name) => {
  for (const item of await navigator.clipboard.read().catch(() => [])) {
    const kind = item.types.find((type) => type.startsWith("image/"));
    if (kind) return take(name, await item.getType(kind));
  }
  complain(name, t("field.paste.none"));
};
/**
 * @param {string} picture
 * @param {string} text
 * @param {string} name
 * @param {() => unknown} onclick
 * @param {object} [given]
 */
const knob = (picture, text, name, onclick, given = {}) =>
  element(
    "button",
    {type: "button", class: "tool", title: t(text), "aria-label": `${t(text)}: ${called(name)}`, onclick, ...given},
    icon(picture),
  );
/** @param {string} name */
const shoot = (name) =>
  photograph().then(
    (file) => file && take(name, file),
    () => complain(name, t("field.camera.none")),
  );
/** @param {string} name */
const tools = (name) =>
  element(
    "div",
    {class: "tools"},
    "read" in (navigator.clipboard ?? {}) ? knob("paste", "field.paste", name, () => pasted(name)) : null,
    "getUserMedia" in (navigator.mediaDevices ?? {}) ? knob("camera", "field.camera", name, () => shoot(name)) : null,
  );
/** @param {string} name */
const empty = (name) => [
  element(
    "label",
    {class: "adder"},
    icon(name === "photo" ? "upload" : "photo"),
    element("span", {}, t(`form.${name.split("-")[0]}.drop`)),
    chooser(name),
  ),
  tools(name),
];
/** @param {string} name
 * @param {string} text */
const shown = (name, text) => [
  used(text, {alt: called(name), onerror: async () => (await reached()) && say(name, t("field.gone"))}),
  name.startsWith("mask") ? null : knob("crop", "crop", name, () => crop(name), {class: "tool crop"}),
  element("label", {class: "tool other", title: t("field.other")}, icon("upload"), chooser(name)),
  knob("close", "field.remove", name, () => remove(name), {class: "tool shut"}),
];
const waits = () =>
  element("p", {class: "waits", role: "status"}, icon("clock"), element("span", {}, t("field.sending")));

/** @param {string} name */
const draw = (name) => {
  const box = field(name),
    inside = find(box, ".inside");
  const text = value(name),
    coming = sending.has(name);
  const focused = inside.contains(document.activeElement),
    first = box.dataset.face === undefined;
  if (
    !drawIfChanged(
      box,
      `${text} ${coming}`,
      () => [...(text ? shown(name, text) : empty(name)), coming ? waits() : null],
      inside,
    )
  )
    return;
  box.dataset.state = text ? "full" : "empty";
  if (focused) find(inside, "button, input").focus();
  if (!first) box.dispatchEvent(new CustomEvent("picture", {bubbles: true}));
};
/** Shows the styles that are chosen and one free place, and shares where there are two. */
const arrange = () => {
  const styles = names("style"),
    chosen = styles.filter(value);
  const free = styles.find((name) => !value(name));
  for (const name of styles) {
    const place = name.split("-")[1];
    const taken = chosen.includes(name);
    document.querySelector(`#place-${place}`)?.toggleAttribute("data-shown", taken || name === free);
    document.querySelector(`#place-${place}`)?.toggleAttribute("data-shared", taken && chosen.length > 1);
    document.querySelector(`#mask-place-${place}`)?.toggleAttribute("data-shown", taken);
  }
};
/** Draws what the hidden texts say now. */
export const follow = () => {
  for (const name of fields.keys()) draw(name);
  arrange();
  unfold();
};

/* ------------------------------------------------------------ begun by Gradio */

/** @param {HTMLElement} host */
export const start = (host) => {
  const box = find(host, ".field");
  const name = box.dataset.name ?? "",
    id = `label-${name}`;
  box.setAttribute("role", "group");
  box.setAttribute("aria-labelledby", id);
  /** @param {File[]} files */
  const takeFirst = (files) => {
    if (files.length) take(name, files[0]);
    return files.length > 0;
  };
  acceptDrops(box, takeFirst);
  box.addEventListener("paste", (event) => {
    if (takeFirst([...(event.clipboardData?.files ?? [])])) event.preventDefault();
  });
  box.replaceChildren(
    element("span", {class: "called", id}, called(name)),
    element("div", {class: "inside"}),
    element("p", {class: "wrong", role: "alert"}),
  );
  fields.set(name, box);
  follow();
};
