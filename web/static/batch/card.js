/* One batch: how far it is, its pictures as a table, and one of them looked at. */
import {anchor, button, closer, compare, overlay} from "../core/controls.js";
import {element, find, setText} from "../core/dom.js";
import {icon} from "../core/icons.js";
import {under} from "../core/place.js";
import {about, moment, settings, span, t} from "../core/text.js";
import {mark, shown} from "../films/player.js";
import {BATCHES} from "./form.js";

/** @type {Partial<Record<Api.Status, string>>} */
const SIGNS = {failed: "warn", cancelled: "stop"};

export const dialog = overlay(() => dialog.replaceChildren());

/** @param {Api.BatchView} batch */
export const active = (batch) => batch.counts.queued + batch.counts.running > 0;
/**
 * @param {Api.CellView} cell
 * @param {string} what
 */
const link = (cell, what) => under(`/api/v1/jobs/${cell.id}/${what}`);
/** @param {Api.BatchView} batch */
const title = (batch) =>
  t("batch.title", {
    photos: batch.photos.length,
    styles: batch.styles.length,
  });
/** @param {Api.BatchView} batch */
const summary = (batch) => {
  const {done, failed, cancelled} = batch.counts;
  return [
    t("batch.done", {done, count: batch.cells.length}),
    failed ? t("batch.failed", {count: failed}) : null,
    cancelled ? t("batch.cancelled", {count: cancelled}) : null,
    active(batch) ? t("so.far", {span: span(batch.elapsed)}) : t("made.in", {span: span(batch.elapsed)}),
    batch.estimate !== null && batch.estimate >= 0.5 ? t("to.go", {span: about(batch.estimate)}) : null,
    batch.position > 1 && !batch.counts.running ? t("line.number", {count: batch.position}) : null,
  ]
    .filter(Boolean)
    .join(" · ");
};
/**
 * @param {Api.BatchView} batch
 * @param {Api.CellView} cell
 */
const named = (batch, cell) => `${batch.photos[cell.photo]} · ${batch.styles[cell.style]}`;

/** @param {Api.CellView} cell */
const face = (cell) => {
  const {width, height} = cell,
    photo = link(cell, "content"),
    [film, picture, unpainted] = ["result", "picture", "unpainted"].map((what) => link(cell, what));
  return cell.film ? shown({film, picture, photo, unpainted, width, height}) : compare(film, photo, width, height);
};
/**
 * @param {Api.BatchView} batch
 * @param {Api.CellView} cell
 */
const show = (batch, cell) => {
  const file = cell.film ? "" : `${batch.photos[cell.photo]}-${batch.styles[cell.style]}.png`;
  dialog.setAttribute("aria-label", named(batch, cell));
  dialog.replaceChildren(
    closer(dialog),
    face(cell),
    element(
      "div",
      {class: "about"},
      element("h2", {}, named(batch, cell)),
      element(
        "div",
        {class: "actions"},
        anchor(t("download"), "save", {
          href: link(cell, "result"),
          download: file,
          class: "quiet strong",
        }),
        cell.film
          ? null
          : anchor(t("full.size"), "open", {
              href: link(cell, "result"),
              target: "_blank",
              rel: "noopener",
            }),
      ),
      element(
        "ul",
        {class: "facts"},
        settings(batch.options, 1, 0, batch.options.network).map((text) => element("li", {}, text)),
        element("li", {}, `${cell.width} × ${cell.height}`),
      ),
    ),
  );
  dialog.showModal();
};
/**
 * @param {Api.BatchView} batch
 * @param {Api.CellView} cell
 */
const tile = (batch, cell) => {
  const name = `${named(batch, cell)}, ${t(`state.${cell.state}`)}`;
  const done = cell.state === "done";
  return element(
    done ? "button" : "div",
    {
      class: "tile",
      "data-id": cell.id,
      "data-state": cell.state,
      type: done ? "button" : null,
      role: done ? null : "img",
      "aria-label": name,
      title: cell.error || name,
      style: `--column: ${cell.style}`,
      onclick: () => done && show(batch, cell),
    },
    done
      ? [
          element("img", {
            src: link(cell, "thumbnail"),
            alt: "",
            loading: "lazy",
          }),
          cell.film ? mark() : null,
        ]
      : element(
          "span",
          {class: "glyph"},
          icon(SIGNS[cell.state] ?? "clock"),
          element("span", {}, t(`state.${cell.state}`)),
        ),
  );
};
/** @param {Api.BatchView} batch */
const grid = (batch) => {
  const [rows, columns] = [batch.photos.length, batch.styles.length];
  const table = rows > 1 && columns > 1;
  const inside = [];
  let row = -1;
  if (table) inside.push(element("span", {}), ...batch.styles.map((name) => element("span", {class: "head"}, name)));
  for (const cell of batch.cells) {
    if (table && cell.photo !== row)
      inside.push(element("span", {class: "head side"}, batch.photos[(row = cell.photo)]));
    const face = tile(batch, cell);
    const caption = columns > 1 ? batch.styles[cell.style] : batch.photos[cell.photo];
    inside.push(table ? face : element("figure", {}, face, element("figcaption", {}, caption)));
  }
  return element("div", {class: table ? "cells table" : "cells", style: `--columns: ${columns}`}, inside);
};
/**
 * @param {Api.BatchView} batch
 * @param {(id: string, knob: HTMLButtonElement) => unknown} cancel
 */
export const card = (batch, cancel) =>
  element(
    "article",
    {class: "batch", "aria-label": title(batch)},
    element(
      "header",
      {},
      element("h3", {}, title(batch)),
      element("span", {class: "when"}, moment(batch.submitted)),
      element("p", {class: "counts", role: "status"}),
      element("progress", {max: 1, "aria-label": t("progress")}),
      element(
        "div",
        {class: "actions"},
        button(t("batch.cancel"), "stop", (event) => cancel(batch.id, event.currentTarget), {class: "quiet rest"}),
        anchor(t("batch.zip"), "save", {
          href: `${BATCHES}/${batch.id}/zip`,
          download: "",
          class: "quiet zip",
        }),
      ),
    ),
    grid(batch),
  );
/**
 * @param {HTMLElement} made a card
 * @param {Api.BatchView} batch as it is now
 */
export const refresh = (made, batch) => {
  setText(find(made, ".counts"), summary(batch));
  Object.assign(find(made, "progress", HTMLProgressElement), {
    hidden: !active(batch),
    value: batch.progress,
  });
  find(made, ".rest").hidden = !active(batch);
  find(made, ".zip").hidden = !batch.counts.done;
  for (const cell of batch.cells) {
    const old = made.querySelector(`[data-id="${cell.id}"]`);
    if (!(old instanceof HTMLElement)) continue;
    if (old.dataset.state !== cell.state) old.replaceWith(tile(batch, cell));
    const text = cell.state === "running" ? made.querySelector(`[data-id="${cell.id}"] .glyph span`) : null;
    if (text) setText(text, cell.progress > 0 ? `${Math.round(cell.progress * 100)} %` : t("state.running"));
  }
};
