/* The gallery's filters: a form, the query that it makes and the address it comes from. */
import {button} from "../core/controls.js";
import {element} from "../core/dom.js";
import {colors, networks, t} from "../core/text.js";
import {at, state} from "./state.js";

const PAUSE = 250; // milliseconds without a key before a search

const form = () => at("filters", HTMLFormElement);
/** What is chosen, as pairs of texts.
 * @returns {[string, string][]} */
const chosen = () =>
  [...new FormData(form())].flatMap(([name, value]) => (value && typeof value === "string" ? [[name, value]] : []));

/**
 * @param {number} limit
 * @param {string | null} cursor of the endless list
 */
export const query = (limit, cursor) => {
  const {place} = state;
  const wanted = new URLSearchParams({scope: place.scope, limit: String(limit)});
  for (const [name, value] of chosen()) wanted.set(name, value);
  if (place.scope === "public") wanted.delete("favourite");
  for (const [name, later] of /** @type {const} */ ([
    ["since", 0],
    ["until", 86400],
  ])) {
    const day = wanted.get(name);
    if (day) wanted.set(name, String(new Date(`${day}T00:00`).getTime() / 1000 + later));
  }
  if (place.page) wanted.set("page", String(place.page));
  else if (cursor) wanted.set("cursor", cursor);
  return wanted;
};
export const filtered = () => chosen().some(([name]) => name !== "order");
/** What is chosen beyond what is so at first, for the address. */
export const forAddress = () =>
  new URLSearchParams(chosen().filter(([name, value]) => !(name === "order" && value === "newest")));
export const reset = () => form().reset();

/** On a phone.
 * @param {boolean} open */
const unfold = (open) => {
  form().classList.toggle("open", open);
  at("fold").setAttribute("aria-expanded", String(open));
};
/** Chooses what the address has. */
export const setFilters = () => {
  reset();
  for (const [name, value] of state.place.filters) {
    const field = form().elements.namedItem(name);
    if (field instanceof HTMLInputElement && field.type === "checkbox") field.checked = true;
    else if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = value;
  }
  if (filtered()) unfold(true);
};

/**
 * @param {string} name
 * @param {[string | number, string][]} options
 */
const choice = (name, options) =>
  element(
    "select",
    {name, "aria-label": t(name)},
    options.map(([value, text]) => element("option", {value}, text)),
  );
/** @param {(quiet?: boolean) => unknown} filter */
export const filters = (filter) => {
  let pause = 0;
  /** @param {Event} event */
  const later = (event) => {
    clearTimeout(pause);
    pause = setTimeout(filter, PAUSE, event.target instanceof HTMLInputElement && event.target.name === "text");
  };
  const fold = button(t("filters"), "again", () => unfold(!form().classList.contains("open")), {
    class: "quiet fold",
    "aria-expanded": "false",
  });
  return element(
    "form",
    {
      class: "filters",
      role: "search",
      oninput: later,
      onsubmit: (event) => {
        event.preventDefault();
        filter();
      },
    },
    element("input", {
      type: "search",
      name: "text",
      placeholder: t("search.short"),
      "aria-label": t("search"),
      maxlength: 200,
    }),
    fold,
    choice("color", [
      ["", t("color.any")],
      .../** @type {[string, string][]} */ (colors.map((color) => [color, t(`color.${color}`)])),
    ]),
    choice("size", [
      ["", t("size.any")],
      .../** @type {[number, string][]} */ ([256, 512, 768, 1024].map((size) => [size, t("size.is", {count: size})])),
      [0, t("size.whole")],
    ]),
    choice("network", [
      ["", t("network.any")],
      .../** @type {[string, string][]} */ (networks.map((network) => [network, network])),
    ]),
    choice("order", [
      ["newest", t("newest")],
      ["oldest", t("oldest")],
    ]),
    element("label", {}, t("since"), element("input", {type: "date", name: "since"})),
    element("label", {}, t("until"), element("input", {type: "date", name: "until"})),
    element("label", {}, element("input", {type: "checkbox", name: "favourite", value: "true"}), t("favourites")),
  );
};
