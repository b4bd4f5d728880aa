/* What the gallery's parts share: what is shown, and the entries that have come. */
import {tell} from "../core/api.js";
import {element, find} from "../core/dom.js";
import {under} from "../core/place.js";
import * as router from "../core/router.js";

export const GALLERY = under("/api/v1/gallery");

/** @type {Map<string, Api.EntryView>} by id, in the order shown */
export const entries = new Map();
/** @type {Set<string>} ids, while several are selected */
export const picked = new Set();
export const state = {
  place: router.read(),
  /** @type {string | null} which list is there, by its address */
  listed: null,
  selecting: false,
  /** @type {string | null} id of the entry that was open last */
  opened: null,
  root: element("section"),
};

/**
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {string} name of a class
 * @param {{new (): Kind}} [kind]
 */
export const at = (name, kind) => find(state.root, `.${name}`, kind);
/** @param {...Page.Part} parts */
export const say = (...parts) =>
  at("said").replaceChildren(...parts.filter((part) => part !== null && part !== undefined));
/** @param {string} sentence */
export const sayFailure = (sentence) => say(element("p", {class: "bad-news", role: "alert"}, sentence));
/**
 * @param {Api.EntryView} entry
 * @param {string} what
 */
export const verb = (entry, what) => tell(`${GALLERY}/${entry.id}/${what}`);
/** @param {string} id */
export const tileOf = (id) => state.root.querySelector(`.tiles [data-id="${id}"]`);
