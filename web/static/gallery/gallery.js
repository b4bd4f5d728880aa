/* The gallery: what a visitor made and what others made public, from the API. */
import {ask} from "../core/api.js";
import {button} from "../core/controls.js";
import {element, find} from "../core/dom.js";
import {under} from "../core/place.js";
import * as router from "../core/router.js";
import {language, t, translate} from "../core/text.js";
import {openAll} from "./archives.js";
import {binButton} from "./bin.js";
import * as dialog from "./dialog.js";
import {filters, setFilters} from "./filters.js";
import * as list from "./list.js";
import {pick, select, selectedTools} from "./selection.js";
import {state, tileOf} from "./state.js";

const PAUSE = 250, // milliseconds after the last scroll
  GATHER = 500; // in which pictures that are done come together

const privacy = () =>
  element(
    "details",
    {
      class: "privacy",
      ontoggle: async ({currentTarget}) => {
        if (!currentTarget.open || currentTarget.children.length > 1) return;
        try {
          /** @type {Api.Privacy} */
          const {paragraphs} = await ask(under(`/api/v1/privacy?language=${language}`));
          currentTarget.append(...paragraphs.map((text) => element("p", {}, text)));
        } catch {
          currentTarget.open = false;
        }
      },
    },
    element("summary", {}, t("privacy")),
  );
const fill = () => {
  state.root.replaceChildren(
    element(
      "div",
      {class: "top"},
      element(
        "nav",
        {class: "tabs", "aria-label": t("gallery")},
        element("a", {href: "#gallery", "data-scope": "mine"}, t("mine")),
        element("a", {href: "#gallery/public", "data-scope": "public"}, t("public")),
      ),
      selectedTools(),
      binButton(),
      button(t("archive.all"), "save", openAll, {class: "quiet archive"}),
      button(t("select"), "check", select, {class: "quiet select"}),
      button(t("pages"), "pages", () => list.step(state.place.page ? 0 : 1), {
        class: "quiet paging",
        "aria-pressed": "false",
      }),
    ),
    filters(list.filter),
    element("div", {class: "tiles"}),
    element("div", {class: "said"}),
    list.moreButton(),
    list.pager(),
    privacy(),
    dialog.dialog,
  );
};
/** The entry that was open gets the focus back: the browser takes it away when it has gone back. */
const focusOpened = () => {
  const tile = state.opened && tileOf(state.opened);
  setTimeout(() => {
    if (tile instanceof HTMLElement) tile.focus({preventScroll: true});
  });
  state.opened = null;
};
/** @param {Page.Place} place */
const go = (place) => {
  state.place = place;
  if (dialog.dialog.open && !place.entry) dialog.dialog.close();
  if (place.view !== "gallery") return void (state.listed = null);
  if (state.listed !== router.list(place)) {
    state.selecting = false;
    setFilters();
    list.list(history.state ?? {});
  }
  if (place.entry) dialog.show(place.entry);
  else if (state.opened) focusOpened();
};

/**
 * @param {HTMLElement} host
 * @param {Page.Trigger} trigger
 */
export const start = (host, trigger) => {
  state.root = find(host, "#gallery");
  translate();
  dialog.start(trigger);
  fill();
  list.start((id) => (state.selecting ? pick(id) : dialog.open(id)));
  let pause = 0;
  addEventListener(
    "scroll",
    () => {
      clearTimeout(pause);
      pause = setTimeout(list.remember, PAUSE);
    },
    {passive: true},
  );
  let gather = 0;
  document.addEventListener("made", () => {
    clearTimeout(gather);
    gather = setTimeout(list.refresh, GATHER);
  });
  router.follow(go);
};
