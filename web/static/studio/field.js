/* A picture's field: drop, paste, choose or take one, see it, take it away.
 *
 * What a field holds is the text of a hidden input of the form, and nothing else:
 *   upload:ID   shelf:KIND/NAME   job:ID/styles/PLACE   or "" for nothing.
 * A file is sent to /api/v1/uploads first; what is refused is said in the field it was meant for.
 */
import {ask} from "../core/api.js";
import {element, fill} from "../core/dom.js";
import {icon} from "../core/icons.js";
import {t} from "../core/text.js";
import {photograph} from "./camera.js";

const UPLOADS = "/api/v1/uploads", ACCEPTED = "image/*,.heic,.heif";
const fields = new Map(); // name → its part of the page
const own = new Map(); // upload's text → address of the visitor's own file, in this page
const sending = new Map(); // name → the latest upload that is under way

const hidden = (name) => document.querySelector(`#value-${name} textarea, #value-${name} input`);
export const value = (name) => hidden(name)?.value ?? "";
const names = (kind) => [...fields.keys()].filter((name) => name.startsWith(`${kind}-`)).sort();

const address = (text) => {
  const [kind, what] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
  return own.get(text) ?? {upload: `${UPLOADS}/${what}`, shelf: `/shelf/${what}.jpg`, job: `/api/v1/jobs/${what}`}[kind] ?? "";
};
const called = (name) => {
  const [kind, place] = name.split("-");
  return place === undefined ? t("form.photo") : t(kind === "mask" ? "form.mask" : "style.number", {count: Number(place) + 1});
};

/* ------------------------------------------------------------ what a field holds */

export const put = (name, text) => {
  sending.delete(name); // an upload that is under way comes too late
  fill(hidden(name), text);
  say(name, "");
  follow();
};
/* Puts a style in the first free field, or in the last one. */
export const putStyle = (text) => put(names("style").find((name) => !value(name)) ?? names("style").at(-1), text);

const say = (name, sentence) => {
  const told = fields.get(name).querySelector(".wrong");
  if (told.textContent !== sentence) told.textContent = sentence;
};
const remove = (name) => {
  const text = value(name);
  put(name, "");
  if (text.startsWith("upload:")) ask(`${UPLOADS}/${text.slice(7)}`, {method: "DELETE"}).catch(() => {}); // else its age ends it
};
const upload = async (file) => {
  const body = new FormData();
  body.append("picture", file);
  const text = `upload:${(await ask(UPLOADS, {method: "POST", body})).id}`;
  own.set(text, URL.createObjectURL(file));
  return text;
};
export const take = async (name, file) => { // a file for a field
  const box = fields.get(name);
  const most = Number(box.dataset.most);
  say(name, "");
  if (file.size > most) return say(name, t("field.large", {count: Math.floor(most / 2 ** 20)}));
  const coming = upload(file);
  sending.set(name, coming);
  draw(name);
  try {
    const text = await coming;
    if (sending.get(name) === coming) put(name, text);
  } catch (error) {
    if (sending.get(name) !== coming) return;
    sending.delete(name);
    draw(name);
    say(name, error.message);
  }
};
export const settled = () => Promise.allSettled(sending.values()); // once no upload is under way
export const busy = () => sending.size > 0;

/* ------------------------------------------------------------ drawn */

const chooser = (name) => {
  const input = element("input", {type: "file", accept: ACCEPTED, "aria-label": t("field.choose", {name: called(name)}), onchange: () => {
    const [file] = input.files;
    input.value = "";
    if (file) take(name, file);
  }});
  return input;
};
const pasted = async (name) => { // from the button; a key comes as an event
  try {
    for (const item of await navigator.clipboard.read()) {
      const kind = item.types.find((type) => type.startsWith("image/"));
      if (kind) return take(name, await item.getType(kind));
    }
    say(name, t("field.paste.none"));
  } catch (error) { say(name, t("field.paste.none")); }
};
const knob = (picture, text, name, onclick, given = {}) =>
  element("button", {type: "button", class: "tool", title: t(text), "aria-label": `${t(text)}: ${called(name)}`, onclick, ...given}, icon(picture));
const shoot = async (name) => {
  try {
    const file = await photograph();
    if (file) take(name, file);
  } catch (error) { say(name, t("field.camera.none")); }
};
const tools = (name) => element("div", {class: "tools"},
  navigator.clipboard?.read ? knob("paste", "field.paste", name, () => pasted(name)) : null,
  navigator.mediaDevices?.getUserMedia ? knob("camera", "field.camera", name, () => shoot(name)) : null);
const empty = (name) => [
  element("label", {class: "adder"}, icon(name === "photo" ? "upload" : "photo"), element("span", {}, t(`form.${name.split("-")[0]}.drop`)), chooser(name)),
  tools(name),
];
const shown = (name, text) => [
  element("img", {src: address(text), alt: called(name), onerror: () => say(name, t("field.gone"))}),
  knob("close", "field.remove", name, () => remove(name), {class: "tool shut"}),
];
const waits = () => element("p", {class: "waits", role: "status"}, icon("clock"), element("span", {}, t("field.sending")));

const draw = (name) => {
  const box = fields.get(name), inside = box.querySelector(".inside");
  const text = value(name), coming = sending.has(name);
  const face = `${text} ${coming}`;
  if (box.dataset.face === face) return;
  const focused = inside.contains(document.activeElement);
  Object.assign(box.dataset, {face, state: text ? "full" : "empty"});
  inside.replaceChildren(...(text ? shown(name, text) : empty(name)), coming ? waits() : "");
  if (focused) inside.querySelector("button, input")?.focus();
  box.dispatchEvent(new CustomEvent("picture", {bubbles: true}));
};
const arrange = () => { // the styles that are chosen and one free place; shares where there are two
  const styles = names("style"), chosen = styles.filter(value);
  const free = styles.find((name) => !value(name));
  for (const name of styles) {
    const place = name.split("-")[1];
    const taken = chosen.includes(name);
    document.querySelector(`#place-${place}`)?.toggleAttribute("data-shown", taken || name === free);
    document.querySelector(`#place-${place}`)?.toggleAttribute("data-shared", taken && chosen.length > 1);
    document.querySelector(`#mask-place-${place}`)?.toggleAttribute("data-shown", taken);
  }
};
export const follow = () => { // the hidden texts may say something else now
  for (const name of fields.keys()) draw(name);
  arrange();
};

/* ------------------------------------------------------------ begun by Gradio */

const shelf = (event) => {
  const sample = event.target.closest?.("#form .shelf button[data-name]");
  if (!sample) return;
  const kind = sample.closest(".shelf").dataset.kind;
  const text = `shelf:${kind}/${sample.dataset.name}`;
  if (kind === "photos") put("photo", text);
  else putStyle(text);
};
export const start = (host) => {
  const box = host.querySelector(".field");
  const name = box.dataset.name, id = `label-${name}`;
  const given = (transfer) => [...(transfer?.files ?? [])][0];
  box.setAttribute("role", "group");
  box.setAttribute("aria-labelledby", id);
  box.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  for (const [kind, what] of [["drop", "dataTransfer"], ["paste", "clipboardData"]])
    box.addEventListener(kind, (event) => {
      box.classList.remove("over");
      const file = given(event[what]);
      if (kind === "drop" || file) event.preventDefault();
      if (file) take(name, file);
    });
  box.replaceChildren(
    element("span", {class: "called", id}, called(name)),
    element("div", {class: "inside"}),
    element("p", {class: "wrong", role: "alert"}));
  if (!fields.size) document.addEventListener("click", shelf);
  fields.set(name, box);
  follow();
};
