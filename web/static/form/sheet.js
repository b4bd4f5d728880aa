/* The contact sheet: the form's photo in every style of the shelf, made as one picture.
 *
 * It is asked for as a preview is; a press on one of its pictures chooses that style. Of a long shelf
 * it shows some at a time.
 */
import {button} from "../core/controls.js";
import {drawIfChanged, element} from "../core/dom.js";
import {t} from "../core/text.js";
import {called, only} from "./shelf.js";
import {names, refuse, settled, value} from "../studio/field.js";
import * as preview from "../studio/preview.js";
import {address as addressOf} from "../studio/uploads.js";

const LOOK = 40; // milliseconds between looks whether a preview is under way
const LONGEST = 120000; // until a sheet is given up

/** @type {(page: number) => unknown} */
let ask = () => {};
let redraw = () => {};
let address = ""; // of the whole picture, in this page
let photo = ""; // what the form's field held
/** @type {string[]} the styles, from above */
let styles = [];
let page = 0, // which of them are shown
  first = 0, // where those begin on the shelf
  all = 0; // how many the shelf has
let shape = "1"; // of one picture, as CSS says it
let waits = false,
  failed = false;
let turn = 0; // what was asked in an earlier turn, before the last end, is void

/** Tells whether one is asked for. */
export const coming = () => waits;
/** Tells whether one is there, of the photo that the form has. */
export const shown = () => (waits || failed || Boolean(address)) && photo === value("photo");
export const end = () => {
  turn += 1;
  waits = failed = false;
  URL.revokeObjectURL(address);
  address = "";
};
/** Asks for one.
 * @param {number} [wanted] which page of the shelf */
export const request = async (wanted = 0) => {
  await settled();
  if (!value("photo")) return refuse("photo", t("form.photo.missing"));
  end();
  preview.end();
  photo = value("photo");
  page = wanted;
  waits = true;
  redraw();
  const asking = turn;
  while (preview.underWay()) await preview.pause(LOOK);
  if (asking === turn) ask(page);
};
/** Gradio: it was taken, under this id and with these styles; or it was not.
 * @param {string} said */
export const asked = async (said) => {
  if (!waits) return;
  const asking = turn,
    [id, list = "", begin = "0", count = "0"] = said.split(" ");
  const blob = id ? await preview.fetched(id, LONGEST).catch(() => null) : null;
  if (asking !== turn) return;
  waits = false;
  failed = Boolean(id) && !blob; // what was refused says the notice
  if (blob) {
    const picture = new Image();
    address = picture.src = URL.createObjectURL(blob);
    await picture.decode();
    styles = list.split(",");
    [first, all] = [Number(begin), Number(count)];
    shape = `${picture.naturalWidth} / ${picture.naturalHeight / styles.length}`;
  }
  redraw();
  document.querySelector("#stage")?.scrollIntoView({block: "nearest", behavior: "smooth"}); // above the form on a phone
};

/* ------------------------------------------------------------ drawn */

/**
 * @param {string} name of a style
 * @param {number} place
 */
const tile = (name, place) => {
  const crop = element("span", {class: "crop"});
  crop.style.setProperty("background-image", `url(${address})`);
  crop.style.setProperty("background-size", `100% ${100 * styles.length}%`);
  crop.style.setProperty("background-position", `0 ${(100 * place) / Math.max(1, styles.length - 1)}%`);
  crop.style.setProperty("aspect-ratio", shape);
  const chosen = names("style").some((field) => value(field) === `shelf:styles/${name}`);
  return element(
    "button",
    {type: "button", class: "step", "aria-current": String(chosen), onclick: () => only(`shelf:styles/${name}`)},
    crop,
    element("span", {}, called(name)),
  );
};
const waiting = () => [
  element("img", {class: "alone-photo", src: addressOf(photo), alt: t("form.photo")}),
  element("p", {class: "hint", role: "status"}, t(failed ? "sheet.failed" : "sheet.coming")),
];
/** Which styles of a long shelf are shown, and the button that shows the next ones. */
const more = () =>
  all > styles.length
    ? element(
        "div",
        {class: "line"},
        element(
          "p",
          {class: "hint", role: "status"},
          t("sheet.part", {first: first + 1, last: first + styles.length, count: all}),
        ),
        button(t("sheet.more"), "grid", () => request(first + styles.length < all ? page + 1 : 0)),
      )
    : null;
/** Draws it on the stage.
 * @param {HTMLElement} stage */
export const draw = (stage) => {
  const held = names("style").map(value).join();
  drawIfChanged(stage, `sheet ${address} ${held} ${failed}`, () =>
    address
      ? [
          element(
            "div",
            {class: "line"},
            element("p", {class: "hint"}, t("sheet.hint")),
            button(t("close"), "close", () => {
              end();
              redraw();
            }),
          ),
          element("div", {class: "sheet", role: "group", "aria-label": t("sheet")}, styles.map(tile)),
          more(),
        ]
      : waiting(),
  );
  stage.dataset.state = address ? "sheet" : "photo";
};
/**
 * @param {(page: number) => unknown} asks sends the form
 * @param {() => void} changed draws the stage
 */
export const start = (asks, changed) => {
  [ask, redraw] = [asks, changed];
};
