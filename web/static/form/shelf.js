/* Rows of pictures to choose from: a press switches to a style, a press on the chosen one takes it
 * away; with shift, held, or by its plus, it joins the others.
 */
import {button} from "../core/controls.js";
import {all, element, find, origin} from "../core/dom.js";
import {t} from "../core/text.js";
import {names, put, putStyle, value} from "../studio/field.js";
import {picture} from "../studio/uploads.js";

const HOLD = 500; // milliseconds
const CHOICES = "#form .shelf button[data-value]";

const chosen = () => names("style").filter(value);
/**
 * @param {string} text what the field is to hold
 * @param {boolean} blend keeps the other styles
 */
const chooseStyle = (text, blend) => {
  const held = chosen(),
    there = held.find((name) => picture(value(name)) === text);
  if (there) return put(there, "");
  if (blend) return putStyle(text);
  held.slice(1).forEach((name) => put(name, ""));
  put(held[0] ?? names("style")[0], text);
};
/** Chooses a style alone.
 * @param {string} text */
export const only = (text) => {
  names("style").forEach((name, place) => put(name, place ? "" : text));
};
/** Chooses a style of the shelf by chance, another than the one there is. */
const roll = () => {
  const others = all(document, "#shelf-styles button[data-value]")
    .map((knob) => knob.dataset.value ?? "")
    .filter((text) => text !== value(names("style")[0]));
  only(others[Math.floor(Math.random() * others.length)]);
};
/**
 * @param {string} text
 * @param {boolean} blend
 */
const choose = (text, blend) => (text.startsWith("shelf:photos/") ? put("photo", text) : chooseStyle(text, blend));

/** A picture of a row.
 * @param {string} text what a field holds of it
 * @param {string} name
 * @param {string} src */
export const choice = (text, name, src) =>
  element(
    "span",
    {class: "choice"},
    element(
      "button",
      {type: "button", "data-value": text, title: name, "aria-pressed": "false"},
      element("img", {src, alt: name, width: 64, height: 64, loading: "lazy"}),
    ),
  );
/** @param {HTMLElement} knob of a style */
const plus = (knob) =>
  element(
    "button",
    {
      type: "button",
      class: "plus",
      tabindex: -1,
      title: t("shelf.blend"),
      "aria-label": `${t("shelf.blend")}: ${knob.title}`,
      onclick: () => chooseStyle(knob.dataset.value ?? "", true),
    },
    "+",
  );
/** The credit of a style of the operator's own, "" of others.
 * @param {string} name */
export const credit = (name) =>
  all(document, "#shelf-styles button[data-credit]").find((knob) => knob.dataset.name === name)?.dataset.credit ?? "";
/** What a style of the shelf is called, with its credit if it has one.
 * @param {string} name */
export const called = (name) => credit(name) || t(`shelf.${name}`);
const credits = element("p", {class: "hint credits", role: "status"});
const drawCredits = () => {
  const said = chosen().map((name) => credit(picture(value(name)).replace("shelf:styles/", "")));
  credits.textContent = said.filter(Boolean).join("\n");
};
/** Puts a ring on the chosen ones, and a plus on what can join them. */
export const mark = () => {
  drawCredits();
  const held = new Set([value("photo"), ...chosen().map(value)].map(picture));
  const more = chosen().length > 0 && chosen().length < names("style").length;
  for (const knob of all(document, CHOICES)) {
    const text = knob.dataset.value ?? "",
      on = held.has(text);
    knob.setAttribute("aria-pressed", String(on));
    const wanted = more && !on && !text.startsWith("shelf:photos/");
    const there = knob.parentElement?.querySelector(".plus");
    if (wanted && !there) knob.after(plus(knob));
    else if (!wanted) there?.remove();
  }
};

/* ------------------------------------------------------------ pressed and held */

let timer = 0;
let held = false; // the press became a long one: its click is none
/** @param {PointerEvent} event */
const press = (event) => {
  held = false;
  clearTimeout(timer);
  const knob = origin(event, CHOICES);
  if (!knob || event.pointerType !== "touch") return;
  timer = setTimeout(() => {
    held = true;
    choose(knob.dataset.value ?? "", true);
  }, HOLD);
};
const release = () => clearTimeout(timer);
/** @param {MouseEvent} event */
const click = (event) => {
  const knob = origin(event, CHOICES);
  if (knob && !held) choose(knob.dataset.value ?? "", event.shiftKey);
  held = false;
};
/** The menu of a picture that is held would hide it.
 * @param {Event} event */
const menu = (event) => {
  if (event instanceof PointerEvent && event.pointerType === "touch" && origin(event, CHOICES)) event.preventDefault();
};

/** @param {() => unknown} sheet shows all of them on the photo */
export const start = (sheet) => {
  find(document, "#shelf-styles .shelf").after(credits);
  find(document, "#shelf-styles .shelf").before(
    element("div", {class: "line pickers"}, button(t("sheet"), "grid", sheet), button(t("die"), "die", roll)),
  );
  const form = find(document, "#form");
  form.addEventListener("pointerdown", press);
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) form.addEventListener(end, release);
  form.addEventListener("scroll", release, true);
  form.addEventListener("contextmenu", menu);
  form.addEventListener("click", click);
  form.addEventListener("picture", mark);
  mark();
};
