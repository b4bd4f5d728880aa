/* The gallery's list: tiles, page by page or without end. */
import {ask, sentence, status} from "../core/api.js";
import {button, message} from "../core/controls.js";
import {all, element, find} from "../core/dom.js";
import {mark} from "../films/player.js";
import {icon} from "../core/icons.js";
import * as router from "../core/router.js";
import {moment, t} from "../core/text.js";
import {filtered, forAddress, query, reset} from "./filters.js";
import {GALLERY, at, entries, picked, say, state} from "./state.js";

const PAGE = 24,
  MOST = 100; // entries of a page, and of one answer

/** @type {string | null} cursor of the endless list */
let next = null;
let pages = 1; // how many there are, when they are turned one by one
let asks = 0; // counts lists asked for; an answer to an earlier one is late and dropped
let loading = false;
/** @type {(id: string) => unknown} what a press on a tile does */
let choose = () => {};

/* ------------------------------------------------------------ drawn */

/** @param {Api.EntryView} entry */
const badges = (entry) => [
  entry.film ? mark() : null,
  entry.own?.favourite ? element("span", {class: "badge star"}, icon("star")) : null,
  entry.own && entry.published ? element("span", {class: "badge world"}, icon("world")) : null,
];
/** @param {Api.EntryView} entry */
const label = (entry) =>
  [
    entry.title || t("untitled"),
    entry.film ? t("film") : null,
    entry.finished ? moment(entry.finished) : null,
    entry.own?.favourite ? t("favourite") : null,
    entry.own && entry.published ? t("published") : null,
  ]
    .filter(Boolean)
    .join(", ");
/** @param {Api.EntryView} entry */
export const tile = (entry) =>
  element(
    "button",
    {
      type: "button",
      class: "tile",
      "data-id": entry.id,
      "aria-label": label(entry),
      title: entry.title || t("untitled"),
      "aria-pressed": state.selecting ? String(picked.has(entry.id)) : null,
      onclick: () => choose(entry.id),
    },
    element("img", {src: entry.thumbnail, alt: "", loading: "lazy"}),
    badges(entry),
  );

const nothing = () => {
  if (filtered())
    return message(
      "again",
      t("none.found"),
      t("none.found.text"),
      button(t("filters.clear"), null, () => {
        reset();
        filter();
      }),
    );
  if (state.place.scope === "public") return message("world", t("none.public"), t("none.public.text"));
  const what = document.documentElement.dataset.making === "true" ? "none.making" : "none.mine";
  return message("easel", t(what), t(`${what}.text`));
};
const drawPager = () => {
  const pager = at("pager"),
    {page} = state.place;
  pager.hidden = !page;
  if (!page) return;
  find(pager, ".back", HTMLButtonElement).disabled = page <= 1;
  find(pager, ".on", HTMLButtonElement).disabled = page >= pages;
  Object.assign(find(pager, ".number", HTMLInputElement), {value: page, max: pages});
  find(pager, ".of").textContent = t("page.of", {count: pages});
};
export const drawTools = () => {
  const {scope, page} = state.place;
  at("more").hidden = Boolean(page) || !next;
  at("paging").setAttribute("aria-pressed", String(page > 0));
  at("paging").hidden = !entries.size && !page;
  drawPager();
  at("select").hidden = scope === "public" || !entries.size;
  at("select").setAttribute("aria-pressed", String(state.selecting));
  at("to-bin").hidden = scope === "public" || state.selecting;
  at("archive").hidden = at("to-bin").hidden || !entries.size;
  at("chosen").hidden = !state.selecting;
  at("count").textContent = t("selected", {count: picked.size});
  for (const knob of all(at("chosen"), "button")) knob.toggleAttribute("disabled", !picked.size);
  for (const tab of all(state.root, ".tabs a")) {
    if (tab.dataset.scope === scope) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  find(state.root, "label:has([name=favourite])").hidden = scope === "public";
};
export const redraw = () => {
  at("tiles").replaceChildren(...[...entries.values()].map(tile));
  if (!entries.size) say(nothing());
  drawTools();
};

/* ------------------------------------------------------------ loaded */

const clearGhosts = () => {
  for (const one of all(at("tiles"), ".ghost")) one.remove();
};
/** @param {Api.EntryPage} page */
const arrived = (page) => {
  clearGhosts();
  next = page.next;
  pages = Math.max(1, Math.ceil((page.total ?? 0) / PAGE));
  if (state.place.page > pages) return false; // there are fewer by now
  say();
  for (const entry of page.entries) entries.set(entry.id, entry);
  at("tiles").append(...page.entries.map(tile));
  if (!entries.size) say(nothing());
  return true;
};
/** @returns {Promise<unknown>} */
export const load = async (limit = PAGE) => {
  const asked = asks;
  loading = true;
  at("tiles").setAttribute("aria-busy", "true");
  try {
    const page = await ask(`${GALLERY}?${query(Math.min(limit, MOST), next)}`);
    if (asked !== asks) return;
    if (!arrived(page)) return step(pages, true);
  } catch (error) {
    if (asked !== asks) return;
    clearGhosts();
    next = null;
    say(
      message(
        "warn",
        t("away.title"),
        status(error) ? sentence(error) : t("away"),
        button(t("try.again"), null, () => list()),
      ),
    );
  }
  loading = false;
  at("tiles").removeAttribute("aria-busy");
  drawTools();
  loadIfReached();
};
const reached = () =>
  !state.place.page &&
  next &&
  !loading &&
  !at("more").hidden &&
  at("more").getBoundingClientRect().top < innerHeight + 300;
const loadIfReached = () => {
  if (reached()) load();
};
/** Shows the list again, as far as it was walked before.
 * @param {{count?: number, top?: number}} [walked] */
export const list = async (walked = {}) => {
  const asked = ++asks,
    count = walked.count || 0;
  state.listed = router.list(state.place);
  next = null;
  entries.clear();
  picked.clear();
  at("tiles").replaceChildren(...Array.from({length: PAGE / 2}, () => element("span", {class: "ghost"})));
  say(element("p", {class: "hint", role: "status"}, t("loading")));
  drawTools();
  await load(count || PAGE);
  while (asked === asks && next && entries.size < count) await load(count - entries.size);
  if (asked === asks && walked.top) scrollTo(0, walked.top);
};

/** Shows what was made meanwhile, unless some are being chosen or one is open. */
export const refresh = () => {
  const {place, root, selecting} = state;
  if (place.scope === "mine" && root.offsetParent && !place.entry && !selecting)
    list({count: place.page ? 0 : entries.size, top: scrollY});
};

/* ------------------------------------------------------------ turned */

/**
 * @param {Partial<Page.Place>} change
 * @param {boolean} quiet whether no step is added to the history
 */
const move = (change, quiet) => {
  state.place = {...state.place, ...change};
  (quiet ? router.mend : router.turn)(state.place, null);
  if ("page" in change && !change.filters) scrollTo(0, 0);
  return list();
};
/** @param {number} page */
export const step = (page, quiet = false) => move({page}, quiet);
export const filter = (quiet = false) => move({filters: forAddress(), page: state.place.page && 1}, quiet);
/** Keeps how far the list was walked, for when the visitor comes back. */
export const remember = () => {
  const {place, root} = state;
  if (root.offsetParent && !place.entry)
    router.mend(place, {count: place.page ? 0 : entries.size, top: Math.round(scrollY)});
};

/* ------------------------------------------------------------ its parts */

/** @param {(id: string) => unknown} chosen what a press on a tile does */
export const start = (chosen) => {
  choose = chosen;
  new IntersectionObserver(loadIfReached, {rootMargin: "300px"}).observe(at("more"));
};
export const moreButton = () => button(t("more"), null, () => load(), {class: "quiet more", hidden: true});
export const pager = () =>
  element(
    "nav",
    {class: "pager", "aria-label": t("pages"), hidden: true},
    button(t("page.back"), null, () => step(state.place.page - 1), {class: "quiet back"}),
    element(
      "label",
      {},
      t("page"),
      element("input", {
        type: "number",
        class: "number",
        min: 1,
        step: 1,
        onchange: ({currentTarget}) => step(Math.min(pages, Math.max(1, Math.round(Number(currentTarget.value)) || 1))),
      }),
    ),
    element("span", {class: "of"}),
    button(t("page.on"), null, () => step(state.place.page + 1), {class: "quiet on"}),
  );
