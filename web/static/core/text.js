/* The texts in the visitor's language, and how numbers and times are written. */
import texts, {colors, hows, language, networks} from "../../texts.js";
import {all, find} from "./dom.js";
import {under} from "./place.js";
import * as theme from "./theme.js";

export {colors, hows, language, networks};
export const TITLE = "AdaIN Studio";
// a frame of another site keeps no other cookie
const KEPT = globalThis.top === globalThis.self ? "samesite=lax" : "samesite=none; secure; partitioned";

/**
 * The visitor's text of that name; with {count: 3}, {count} in it becomes 3.
 * @param {string} name
 * @param {Record<string, string | number>} [given]
 */
export const t = (name, given = {}) =>
  (texts[name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => (key in given ? String(given[key]) : whole));

/** @param {number} bytes */
export const bulk = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`);
/** @param {number} count of seconds */
const seconds = (count) => t("seconds", {count: count < 10 ? count.toFixed(1) : Math.round(count)});
/** @param {number} count of seconds */
export const span = (count) =>
  count < 60 ? seconds(count) : t("minutes", {minutes: Math.floor(count / 60), seconds: Math.round(count % 60)});
/** @param {number} count of seconds, estimated */
export const about = (count) =>
  count < 90
    ? t("about.seconds", {count: Math.max(1, Math.round(count))})
    : t("about.minutes", {count: Math.round(count / 60)});
/** @param {number} epoch seconds */
export const moment = (epoch) =>
  new Date(epoch * 1000).toLocaleString(language, {dateStyle: "medium", timeStyle: "short"});

/** How a picture is made, as the page's control has it.
 * @param {Page.Settings} options
 * @returns {string} */
export const how = ({method, effort}) => hows.find((one) => one === method || one === `${method}-${effort}`) ?? hows[0];
/** The options that such a choice means; the usual one is left out.
 * @param {string} [chosen] such as refine-little */
export const methodOf = (chosen = "") => {
  const [method, effort] = chosen.split("-");
  return effort ? {method, effort} : method && method !== hows[0] ? {method} : {};
};
/** The settings of a job in short words.
 * @param {Page.Settings} options
 * @param {number} styles
 * @param {number} masks
 * @param {string | null} network
 */
export const settings = (options, styles, masks, network) =>
  [
    t("strength.is", {count: Math.round(options.alpha * 100)}),
    t(`color.${options.color}.is`),
    how(options) === hows[0] ? null : t(`how.${how(options)}`),
    styles > 1 ? t("styles.count", {count: styles}) : null,
    masks ? t("masks") : null,
    options.size ? t("size.is", {count: options.size}) : t("size.whole"),
    network,
  ].filter((text) => text !== null);

/** What fills the gaps of an element's text: its other data.
 * @param {HTMLElement} one
 * @returns {Record<string, string>} */
const given = (one) => Object.fromEntries(Object.entries(one.dataset).map(([name, text]) => [name, text ?? ""]));

/** Writes the texts of what Python drew, and the switch to the other language. */
export const translate = () => {
  document.documentElement.lang = language;
  for (const one of all(document, "[data-text]")) one.textContent = t(one.dataset.text ?? "", given(one));
  for (const one of all(document, "[data-label]")) one.setAttribute("aria-label", t(one.dataset.label ?? ""));
  for (const row of all(document, ".shelf[data-kind]")) row.setAttribute("aria-label", t(`shelf.${row.dataset.kind}`));
  for (const one of all(document, ".shelf button[data-name]")) {
    one.title = one.dataset.credit ?? t(`shelf.${one.dataset.name}`);
    one.firstElementChild?.setAttribute("alt", one.title);
  }
  theme.start();
  const shade = find(document, "#theme");
  shade.setAttribute("aria-label", t("theme"));
  shade.title = t("theme");
  shade.onclick = theme.swap;
  const knob = find(document, "#language");
  knob.textContent = t("language.other");
  knob.lang = language === "en" ? "ko" : "en";
  knob.onclick = () => {
    document.cookie = `language=${knob.lang}; path=${under("/")}; max-age=31536000; ${KEPT}`;
    location.reload();
  };
};

/** The language, colours and title of a page without Gradio.
 * @param {string} [title] */
export const setUpPage = (title) => {
  document.documentElement.lang = language;
  theme.start();
  if (title) document.title = `${title} · ${TITLE}`;
};
