/* Batch: many photos in many styles as one submission, and what became of those before.
 *
 * All it knows comes from /api/v1/batches, so that a closed tab loses nothing.
 */
import {ask} from "../core/api.js";
import {anchor, button, compare, message, settings} from "../core/controls.js";
import {element} from "../core/dom.js";
import {icon} from "../core/icons.js";
import {moment, span, t} from "../core/text.js";
import {about} from "../core/text.js";
import {ended} from "../core/notifications.js";
import {recent} from "../studio/recent.js";
import {tray} from "./tray.js";

const BATCHES = "/api/v1/batches", JOBS = "/api/v1/jobs";
const SOON = 800, LATER = 4000; // milliseconds between looks: while seen, and hidden or failing
const SIZES = [256, 512, 768, 1024, 0];

const known = new Map(); // id → batch, as the API tells it
let older = null; // where the next page begins
let key = ""; // of a submission whose answer may have got lost: sent again, it is the same batch
let sending = false, timer = 0;
let root = null, dialog = null, photos = null, styles = null;

const at = (name) => root.querySelector(`.${name}`);
const active = (batch) => batch.counts.queued + batch.counts.running > 0;
const link = (cell, what) => `${JOBS}/${cell.id}/${what}`;

/* ------------------------------------------------------------ the form */

const fresh = () => globalThis.crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
const options = () => {
  const form = new FormData(at("choices"));
  return {alpha: Number(form.get("alpha")) / 100, color: form.get("color"), size: Number(form.get("size")),
    strokes: Number(form.get("strokes")) / 100};
};
const drawSend = () => {
  const [rows, columns] = [photos?.count() ?? 0, styles?.count() ?? 0];
  key = ""; // another form is another batch
  at("send").querySelector("span").textContent = sending ? t("batch.sending")
    : rows * columns ? t("batch.send", {count: rows * columns}) : t("batch.send.none");
  at("send").disabled = sending || !(rows && columns);
};
const say = (text) => {
  at("said").replaceChildren(...(text ? [element("p", {role: "alert"}, text)] : []));
  if (text) at("said").scrollIntoView({block: "nearest", behavior: "smooth"});
};
const send = async (event) => {
  event.preventDefault();
  if (sending) return;
  const again = key || fresh(); // drawing the button forgets it
  sending = true;
  drawSend();
  say("");
  try {
    const body = new FormData();
    for (const [file, name] of await photos.files()) body.append("content", file, name);
    for (const [file, name] of await styles.files()) body.append("style", file, name);
    body.append("options", JSON.stringify(options()));
    const batch = await ask(BATCHES, {method: "POST", body, headers: {"Idempotency-Key": again}});
    known.set(batch.id, batch);
    photos.clear(); // the styles stay, for the next photos
  } catch (error) {
    say(error.message);
    sending = false;
    drawSend();
    if (!error.status) key = again;
    return;
  }
  sending = false;
  drawSend();
  look();
  at("past").scrollIntoView({block: "start", behavior: "smooth"});
};
const segments = (name, choices, chosen) => element("fieldset", {class: "segments"}, element("legend", {}, t(name)),
  element("div", {class: "wrap"}, choices.map(([value, text]) => element("label", {},
    element("input", {type: "radio", name, value, checked: value === chosen}), element("span", {}, text)))));
const slider = (name, label, min, max, step) => {
  const told = element("output", {}, "100");
  return element("label", {class: "slide"}, element("span", {}, t(label)), told,
    element("input", {type: "range", name, min, max, value: 100, step, oninput: (event) => { told.textContent = event.target.value; }}));
};

/* ------------------------------------------------------------ one batch */

const tally = (batch) => {
  const {done, failed, cancelled} = batch.counts;
  return [
    t("batch.done", {done, count: batch.cells.length}),
    failed ? t("batch.failed", {count: failed}) : null,
    cancelled ? t("batch.cancelled", {count: cancelled}) : null,
    active(batch) ? t("so.far", {span: span(batch.elapsed)}) : t("made.in", {span: span(batch.elapsed)}),
    batch.estimate >= 0.5 ? t("to.go", {span: about(batch.estimate)}) : null,
    batch.position > 1 && !batch.counts.running ? t("line.number", {count: batch.position}) : null,
  ].filter(Boolean).join(" · ");
};
const named = (batch, cell) => `${batch.photos[cell.photo]} · ${batch.styles[cell.style]}`;
const shown = (batch, cell) => {
  dialog.setAttribute("aria-label", named(batch, cell));
  dialog.replaceChildren(
    button(t("close"), "close", () => dialog.close(), {class: "quiet shut", "aria-label": t("close")}),
    compare(link(cell, "result"), link(cell, "content"), cell.width, cell.height),
    element("div", {class: "about"}, element("h2", {}, named(batch, cell)),
      element("div", {class: "actions"},
        anchor(t("download"), "save", {href: link(cell, "result"), download: `${batch.photos[cell.photo]}-${batch.styles[cell.style]}.png`, class: "quiet strong"}),
        anchor(t("full.size"), "open", {href: link(cell, "result"), target: "_blank", rel: "noopener"})),
      element("ul", {class: "facts"}, settings(batch.options, 1, 0, batch.options.network).map((text) => element("li", {}, text)),
        element("li", {}, `${cell.width} × ${cell.height}`))),
  );
  dialog.showModal();
};
const SIGNS = {failed: "warn", cancelled: "stop", queued: "clock", running: "clock"};
const tile = (batch, cell) => {
  const what = `${named(batch, cell)}, ${t(`state.${cell.state}`)}`;
  const done = cell.state === "done";
  return element(done ? "button" : "div", {
    class: "tile", "data-id": cell.id, "data-state": cell.state, type: done ? "button" : null, role: done ? null : "img",
    "aria-label": what, title: cell.error || what, style: `--column: ${cell.style}`, onclick: () => done && shown(batch, cell),
  }, done
    ? element("img", {src: link(cell, "thumbnail"), alt: "", loading: "lazy"})
    : element("span", {class: "glyph"}, icon(SIGNS[cell.state]), element("span", {}, t(`state.${cell.state}`))));
};
const grid = (batch) => {
  const [rows, columns] = [batch.photos.length, batch.styles.length];
  const table = rows > 1 && columns > 1;
  const inside = [];
  let row = -1;
  if (table) inside.push(element("span", {}), ...batch.styles.map((name) => element("span", {class: "head"}, name)));
  for (const cell of batch.cells) {
    if (table && cell.photo !== row) inside.push(element("span", {class: "head side"}, batch.photos[(row = cell.photo)]));
    const face = tile(batch, cell);
    inside.push(table ? face : element("figure", {}, face, element("figcaption", {}, (columns > 1 ? batch.styles[cell.style] : batch.photos[cell.photo]))));
  }
  return element("div", {class: table ? "cells table" : "cells", style: `--columns: ${columns}`}, inside);
};
const card = (batch) => element("article", {class: "batch", "data-id": batch.id, "aria-label": title(batch)},
  element("header", {},
    element("h3", {}, title(batch)), element("span", {class: "when"}, moment(batch.submitted)),
    element("p", {class: "tally", role: "status"}),
    element("progress", {max: 1, "aria-label": t("progress")}),
    element("div", {class: "actions"},
      button(t("batch.cancel"), "stop", (event) => cancel(batch.id, event.currentTarget), {class: "quiet rest"}),
      anchor(t("batch.zip"), "save", {href: `${BATCHES}/${batch.id}/zip`, download: "", class: "quiet zip"}))),
  grid(batch));
const title = (batch) => t("batch.title", {photos: batch.photos.length, styles: batch.styles.length});
const refresh = (one, batch) => {
  const told = one.querySelector(".tally");
  if (told.textContent !== tally(batch)) told.textContent = tally(batch);
  one.querySelector("progress").hidden = !active(batch);
  one.querySelector("progress").value = batch.progress;
  one.querySelector(".rest").hidden = !active(batch);
  one.querySelector(".zip").hidden = !batch.counts.done;
  for (const cell of batch.cells) {
    const old = one.querySelector(`[data-id="${cell.id}"]`);
    if (old && old.dataset.state !== cell.state) {
      old.replaceWith(tile(batch, cell));
    }
    if (cell.state === "running") face(one, cell);
  }
};
const face = (one, cell) => {
  const told = one.querySelector(`[data-id="${cell.id}"] .glyph span`);
  if (told) told.textContent = cell.progress > 0 ? `${Math.round(cell.progress * 100)} %` : t("state.running");
};
const draw = () => {
  const list = at("list");
  for (const batch of [...known.values()].sort((one, other) => (one.id < other.id ? -1 : 1))) {
    if (!batch.cells.length) continue; // all its pictures were deleted
    let one = list.querySelector(`:scope > [data-id="${batch.id}"]`);
    if (!one) {
      one = card(batch);
      const after = [...list.children].find((other) => other.dataset.id < batch.id);
      list.insertBefore(one, after ?? null);
    }
    refresh(one, batch);
  }
  at("none").hidden = list.children.length > 0;
  at("older").hidden = !older;
};

/* ------------------------------------------------------------ keeping up */

const learn = (batch) => {
  const before = known.get(batch.id);
  known.set(batch.id, batch);
  if (before && active(before) && !active(batch)) ended(batch.id, t("batch.ended", {done: batch.counts.done, count: batch.cells.length}));
};
const look = async () => {
  clearTimeout(timer);
  let pause = document.hidden ? LATER : SOON;
  try {
    for (const batch of [...known.values()].filter(active)) learn(await ask(`${BATCHES}/${batch.id}`));
    at("away").hidden = true;
  } catch (error) {
    at("away").hidden = false;
    pause = LATER;
  }
  draw();
  if ([...known.values()].some(active)) timer = setTimeout(look, pause);
};
const cancel = async (id, knob) => {
  knob.disabled = true;
  try { learn(await ask(`${BATCHES}/${id}`, {method: "DELETE"})); } catch (error) { knob.disabled = false; }
  look();
};
const more = async () => {
  const page = await ask(`${BATCHES}${older ? `?before=${older}` : ""}`);
  page.batches.forEach(learn);
  older = page.next;
};
const begin = async () => {
  try { await more(); } catch (error) {
    at("past").querySelector(".away").hidden = false;
    timer = setTimeout(begin, LATER);
    return;
  }
  look();
};

/* ------------------------------------------------------------ the view */

const samples = (kind) => [...document.querySelectorAll(`#shelf-${kind} button`)].map((knob) => {
  const name = knob.dataset.name;
  return {name, title: t(`shelf.${name}`), small: `/shelf/${kind}/${name}.webp`, whole: `/shelf/${kind}/${name}.jpg`};
});
const used = async () => (await recent()).map((one, place) => (
  {name: `recent-${place + 1}`, title: t("recent.number", {count: place + 1}), small: one.thumbnail, whole: one.picture}));
const fill = async () => {
  const styled = [...await used(), ...samples("styles")];
  dialog = element("dialog", {class: "entry", onclose: () => dialog.replaceChildren(), onclick: (event) => { if (event.target === dialog) dialog.close(); }});
  root.replaceChildren(
    element("form", {class: "choices", onsubmit: send, oninput: () => { key = ""; }},
      element("p", {class: "hint"}, t("batch.hint")),
      element("div", {class: "trays"}),
      slider("alpha", "strength", 0, 100, 1),
      slider("strokes", "strokes", 50, 400, 5),
      segments("color", ["style", "content", "luminance"].map((color) => [color, t(`color.${color}`)]), "style"),
      segments("size", SIZES.map((size) => [size, size ? String(size) : t("form.size.whole")]), 512),
      element("div", {class: "said"}),
      element("button", {type: "submit", class: "send"}, element("span", {})),
    ),
    element("section", {class: "past", "aria-label": t("batch.past")},
      element("p", {class: "away hint", role: "status", hidden: true}, t("away.text")),
      element("div", {class: "none"}, message("steps", t("batch.none"), t("batch.none.text"))),
      element("div", {class: "list"}),
      button(t("older"), null, async () => { await more(); draw(); }, {class: "quiet older", hidden: true}),
    ),
    dialog,
  );
  photos = tray("photos", samples("photos"), drawSend);
  styles = tray("styles", styled, drawSend);
  at("trays").append(photos.box, styles.box);
  drawSend();
};
const here = () => location.hash === "#batch";
const pasted = (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (here() && photos && files.length) { photos.add(files); event.preventDefault(); event.stopPropagation(); }
};

export const start = (host) => {
  root = host.querySelector("#batch");
  let begun = false;
  const open = async () => {
    if (dialog?.open) dialog.close();
    if (begun || !here()) return;
    begun = true;
    await fill();
    begin();
  };
  addEventListener("hashchange", open);
  document.addEventListener("paste", pasted, true);
  document.addEventListener("visibilitychange", () => { if (dialog && !document.hidden) look(); });
  open();
};
