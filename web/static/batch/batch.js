/* Batch: many photos in many styles as one submission, and what became of those before.
 *
 * All it knows comes from /api/v1/batches, so that a closed tab loses nothing.
 */
import {ask} from "../core/api.js";
import {button, message} from "../core/controls.js";
import {element, find, reconcile} from "../core/dom.js";
import {ended} from "../core/notifications.js";
import * as router from "../core/router.js";
import {t} from "../core/text.js";
import {active, card, dialog, refresh} from "./card.js";
import * as form from "./form.js";
import {BATCHES} from "./form.js";

const SOON = 800,
  LATER = 4000; // milliseconds between looks: while seen, and hidden or failing

/** @type {Map<string, Api.BatchView>} by id */
const known = new Map();
/** @type {string | null} where the next page begins */
let older = null;
let timer = 0;
let begun = false,
  filled = false;
let root = element("section");

/** @param {string} name of a class */
const at = (name) => find(root, `.${name}`);

/* ------------------------------------------------------------ keeping up */

const draw = () => {
  const shown = [...known.values()]
    .filter((batch) => batch.cells.length) // else all its pictures were deleted
    .sort((one, other) => (one.id < other.id ? 1 : -1));
  const cards = reconcile(at("list"), shown, {
    key: (batch) => batch.id,
    face: () => "",
    make: (batch) => card(batch, cancel),
  });
  shown.forEach((batch, place) => refresh(cards[place], batch));
  at("none").hidden = shown.length > 0;
  at("older").hidden = !older;
};
/** @param {Api.BatchView} batch */
const learn = (batch) => {
  const before = known.get(batch.id);
  known.set(batch.id, batch);
  if (before && active(before) && !active(batch))
    ended(batch.id, t("batch.ended", {done: batch.counts.done, count: batch.cells.length}));
};
const look = async () => {
  clearTimeout(timer);
  let pause = document.hidden ? LATER : SOON;
  try {
    for (const batch of [...known.values()].filter(active)) learn(await ask(`${BATCHES}/${batch.id}`));
    at("away").hidden = true;
  } catch {
    at("away").hidden = false;
    pause = LATER;
  }
  draw();
  if ([...known.values()].some(active)) timer = setTimeout(look, pause);
};
/**
 * @param {string} id
 * @param {HTMLButtonElement} knob
 */
const cancel = async (id, knob) => {
  knob.disabled = true;
  try {
    learn(await ask(`${BATCHES}/${id}`, {method: "DELETE"}));
  } catch {
    knob.disabled = false;
  }
  look();
};
const more = async () => {
  /** @type {Api.BatchPage} */
  const page = await ask(`${BATCHES}${older ? `?before=${older}` : ""}`);
  page.batches.forEach(learn);
  older = page.next;
};
const begin = async () => {
  try {
    await more();
  } catch {
    at("away").hidden = false;
    timer = setTimeout(begin, LATER);
    return;
  }
  look();
};
/**
 * @param {Api.BatchView} batch
 * @param {boolean} last whether nothing more is sent now
 */
const accepted = (batch, last) => {
  known.set(batch.id, batch);
  look();
  if (last) at("past").scrollIntoView({block: "start", behavior: "smooth"});
};

/* ------------------------------------------------------------ the view */

const fill = async () => {
  root.replaceChildren(
    await form.start(accepted),
    element(
      "section",
      {class: "past", "aria-label": t("batch.past")},
      element("p", {class: "away hint", role: "status", hidden: true}, t("away.text")),
      element("div", {class: "none"}, message("steps", t("batch.none"), t("batch.none.text"))),
      element("div", {class: "list"}),
      button(
        t("older"),
        null,
        async () => {
          await more();
          draw();
        },
        {class: "quiet older", hidden: true},
      ),
    ),
    dialog,
  );
  filled = true;
};
const here = () => router.read().view === "batch";
/** @param {ClipboardEvent} event */
const pasted = (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!here() || !filled || !files.length) return;
  form.addPhotos(files);
  event.preventDefault();
  event.stopPropagation();
};

/** @param {HTMLElement} host */
export const start = (host) => {
  root = find(host, "#batch");
  document.addEventListener("paste", pasted, true);
  document.addEventListener("visibilitychange", () => {
    if (filled && !document.hidden) look();
  });
  router.follow(async () => {
    if (dialog.open) dialog.close();
    if (begun || !here()) return;
    begun = true;
    await fill();
    begin();
  });
};
