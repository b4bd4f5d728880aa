/* Buttons, rows and pictures that several views share. */
import {element, shaped} from "./dom.js";
import {icon} from "./icons.js";
import {copy} from "./share.js";
import {t} from "./text.js";

/** @typedef {MouseEvent & {currentTarget: HTMLButtonElement}} Press */

/**
 * @param {string} text
 * @param {string | null} picture name of an icon
 * @param {(event: Press) => unknown} onclick
 * @param {object} [given]
 */
export const button = (text, picture, onclick, given = {}) =>
  element(
    "button",
    {type: "button", class: "quiet", onclick, ...given},
    picture ? icon(picture) : null,
    element("span", {}, text),
  );
/**
 * @param {string} text
 * @param {string} picture name of an icon
 * @param {object} given
 */
export const anchor = (text, picture, given) =>
  element("a", {class: "quiet", ...given}, icon(picture), element("span", {}, text));
/** A film that is played, and its first frame until then.
 * @param {string} src
 * @param {string} poster
 * @param {string} name */
export const video = (src, poster, name) =>
  element("video", {src, poster, controls: true, playsinline: true, preload: "metadata", "aria-label": name});
/**
 * @param {string} picture name of an icon
 * @param {string | Node} title
 * @param {string} text
 * @param {...Page.Parts} more
 */
export const message = (picture, title, text, ...more) =>
  element(
    "div",
    {class: "message"},
    icon(picture),
    typeof title === "string" ? element("h2", {}, title) : title,
    element("p", {}, text),
    ...more,
  );

/* ------------------------------------------------------------ presses */

export const DOUBLE = 500; // milliseconds within which a second press belongs to the first

/** Keeps a button from counting a press that comes at once.
 * @param {HTMLButtonElement} knob */
export const rest = (knob) => {
  knob.setAttribute("aria-disabled", "true");
  setTimeout(() => knob.removeAttribute("aria-disabled"), DOUBLE);
};
/** Tells whether a press only belongs to the one before: the second of a double click, a held key.
 * @param {HTMLButtonElement} knob
 * @param {MouseEvent} event */
export const hasty = (knob, event) => knob.getAttribute("aria-disabled") === "true" || event.detail > 1;

/**
 * A button for what can't be taken back: the first press asks, the second counts.
 * @param {string} text
 * @param {string} question
 * @param {string | null} picture
 * @param {() => unknown} act
 */
export const twice = (text, question, picture, act) => {
  const knob = button(text, picture, (event) => {
    if (hasty(knob, event)) return;
    if (knob.classList.contains("bad")) return act();
    knob.classList.add("bad");
    knob.lastElementChild?.replaceChildren(question);
    rest(knob);
  });
  return knob;
};

/* Resolves once no press is under way: what a press began on must still be there when it ends. */
const GESTURE = 50; // milliseconds from the end of a touch to the click it makes
let pressing = false;
document.addEventListener(
  "pointerdown",
  () => {
    pressing = true;
  },
  true,
);
for (const end of ["pointerup", "pointercancel"])
  document.addEventListener(
    end,
    () => {
      pressing = false;
    },
    true,
  );
export const released = async () => {
  while (pressing)
    await new Promise((go) => {
      setTimeout(go, GESTURE);
    });
};

/* ------------------------------------------------------------ texts, rows, pictures */

/**
 * A text to take along, and the button that copies it.
 * @param {string} value
 * @param {string} name
 * @param {() => void} done
 */
export const copied = (value, name, done) => {
  const field = element("input", {
    type: "text",
    readonly: true,
    value,
    "aria-label": name,
    onfocus: () => {
      field.select();
    },
  });
  const take = async () => {
    if (!(await copy(value))) {
      field.select();
      document.execCommand("copy");
    }
    done();
  };
  return [field, button(t("copy"), "link", take)];
};
/** @param {...(string | number | null | undefined | false)} text */
export const small = (...text) => element("span", {class: "small"}, text.filter(Boolean).join(" · "));
/** @param {...Page.Parts} inside */
export const what = (...inside) => element("div", {class: "what"}, inside.flat());
/** @param {...Page.Parts} inside */
export const row = (...inside) => element("li", {class: "row"}, inside.flat());
/**
 * @param {HTMLElement[]} list
 * @param {string} [empty] what is said instead of an empty list
 */
export const rows = (list, empty) =>
  list.length ? element("ul", {class: "rows"}, list) : element("p", {class: "none"}, empty);

/** An empty dialog, which a press beside it closes.
 * @param {() => void} onclose */
export const overlay = (onclose) => {
  const dialog = element("dialog", {
    class: "entry",
    onclose,
    onclick: (event) => {
      if (event.target === dialog) dialog.close();
    },
  });
  return dialog;
};
/** @param {HTMLDialogElement} dialog */
export const closer = (dialog) =>
  button(t("close"), "close", () => dialog.close(), {class: "quiet shut", "aria-label": t("close")});

/** @typedef {{tags: [string, string], alts: [string, string]}} Said what is left and right of the slider */
/** @returns {Said} */
const photoAndResult = () => ({tags: [t("photo"), t("repainted")], alts: [t("alt.photo"), t("alt.result")]});
/**
 * Two pictures over each other, and a slider between them.
 * @param {string} after
 * @param {string} before
 * @param {number | null} width
 * @param {number | null} height
 * @param {Said} [said]
 */
export const compare = (after, before, width, height, {tags, alts} = photoAndResult()) => {
  const slider = element("input", {
    type: "range",
    min: 0,
    max: 100,
    value: 50,
    step: 1,
    "aria-label": t("compare"),
    oninput: () => {
      box.style.setProperty("--at", `${slider.value}%`);
    },
  });
  const box = element(
    "div",
    {class: "compare"},
    element("img", {src: after, alt: alts[1], class: "after"}),
    element("img", {src: before, alt: alts[0], class: "before"}),
    element("span", {class: "tag left", "aria-hidden": "true"}, tags[0]),
    element("span", {class: "tag right", "aria-hidden": "true"}, tags[1]),
    element("span", {class: "grip", "aria-hidden": "true"}),
    slider,
  );
  return shaped(box, width, height);
};
