/* The parts of the dialog that differ between one's own entries and those of others. */
import {tell} from "../core/api.js";
import {button, copied} from "../core/controls.js";
import {element, find} from "../core/dom.js";
import {can, pass} from "../core/share.js";
import {t} from "../core/text.js";
import {refill} from "../form/memory.js";
import {shares, texts} from "../form/trial.js";
import {changing} from "../form/undo.js";
import {names, put} from "../studio/field.js";
import {fetchJob} from "../studio/jobs.js";
import {named, tags} from "./entry.js";
import {GALLERY, verb} from "./state.js";
import {dialog, doing, eraser, note, patch, reuse, toStudio, toggle} from "./verbs.js";

/* ------------------------------------------------------------ of one's own */

/** @param {Api.EntryView} entry */
const typed = (entry) => {
  /** @type {() => Promise<void>} */
  const save = () =>
    doing(
      () => patch(entry, {title: title.value, tags: words.value.split(",").filter((tag) => tag.trim())}),
      t("saved"),
      (now) => {
        // what is being typed beside it stays
        dialog.setAttribute("aria-label", named(now));
        find(dialog, "h2").textContent = named(now);
        find(dialog, ".tags").replaceWith(tags(now));
      },
    )();
  const title = element("input", {
    type: "text",
    value: entry.title,
    maxlength: 120,
    placeholder: t("untitled"),
    onchange: save,
  });
  const words = element("input", {
    type: "text",
    value: entry.tags.join(", "),
    placeholder: t("tags.hint"),
    onchange: save,
  });
  return element(
    "div",
    {class: "typed"},
    element("label", {}, t("title"), title),
    element("label", {}, t("tags"), words),
  );
};
/** Where the page of a share link is.
 * @param {string} link */
const page = (link) => location.origin + link.replace("/api/v1", "");
/** @param {Api.EntryView} entry */
const passOn = async (entry) => {
  if (entry.own?.link && (await pass(named(entry), page(entry.own.link)))) note(t("copied"));
};
/** Makes a share link and hands it on.
 * @param {Api.EntryView} entry */
const share = async (entry) => {
  /** @type {Api.EntryView | null} */
  let made = null;
  await doing(async () => (made = await verb(entry, "share")))();
  if (made) await passOn(made);
};
/**
 * @param {Api.EntryView} entry
 * @param {Api.OwnView} own
 */
const sharing = (entry, own) =>
  own.link &&
  element(
    "div",
    {class: "sharing"},
    copied(page(own.link), t("link"), () => note(t("copied"))),
    can() ? button(t("share.pass"), "upload", () => passOn(entry)) : null,
    button(
      t("revoke"),
      "stop",
      doing(() => verb(entry, "revoke"), t("revoked")),
    ),
  );
/** What others get of it beside the picture.
 * @param {Api.EntryView} entry
 * @param {Api.OwnView} own
 */
const given = (entry, own) =>
  element(
    "div",
    {class: "actions given", role: "group", "aria-label": t("given")},
    toggle(own.shows_photo, t("shows.photo"), "photo", () => patch(entry, {shows_photo: !own.shows_photo})),
    toggle(own.lends_styles, t("lends.styles"), "easel", () => patch(entry, {lends_styles: !own.lends_styles})),
  );
/** @param {Api.OwnView} own */
export const sources = (own) =>
  element(
    "div",
    {class: "sources"},
    element(
      "figure",
      {},
      element("img", {src: own.content, alt: t("alt.photo"), loading: "lazy"}),
      element("figcaption", {}, t("photo")),
    ),
    own.styles.map((style, place) =>
      element(
        "figure",
        {},
        element("img", {src: style.address, alt: t("style.number", {count: place + 1}), loading: "lazy"}),
        element("figcaption", {}, t("style.number", {count: place + 1})),
      ),
    ),
  );
/**
 * @param {Api.EntryView} entry
 * @param {Api.OwnView} own
 */
export const ownParts = (entry, own) => [
  typed(entry),
  element(
    "div",
    {class: "actions"},
    button(t("open.again"), "easel", async () => {
      if (entry.film) await fetchJob(entry.id);
      changing(t("opened"));
      toStudio("open", {id: entry.id});
    }),
    reuse(entry),
    button(t("same.style"), "photo", () => toStudio("again", {id: entry.id})),
    toggle(own.favourite, t("favourite"), "star", () => patch(entry, {favourite: !own.favourite})),
    toggle(Boolean(entry.published), entry.published ? t("unpublish") : t("publish"), "world", () =>
      verb(entry, entry.published ? "unpublish" : "publish"),
    ),
    own.link ? null : button(t("share"), "link", () => share(entry)),
    eraser(entry),
  ),
  own.hidden ? element("p", {class: "bad-news"}, t("hidden")) : null,
  sharing(entry, own),
  entry.published || own.link ? given(entry, own) : null,
];

/* ------------------------------------------------------------ of others */

/** @param {Api.EntryView} entry */
const report = (entry) => {
  const reason = element("input", {
    type: "text",
    maxlength: 500,
    placeholder: t("report.reason"),
    "aria-label": t("report.reason"),
  });
  const line = element(
    "div",
    {class: "sharing", hidden: true},
    reason,
    button(t("report.send"), "flag", async (event) => {
      event.currentTarget.disabled = true;
      await doing(() => tell(`${GALLERY}/${entry.id}/report`, {reason: reason.value}), t("reported"))();
      line.hidden = true;
    }),
  );
  return [
    button(t("report"), "flag", () => {
      line.hidden = false;
      reason.focus();
    }),
    line,
  ];
};
/** Puts the styles of another visitor's picture into the form, and its settings.
 * @param {Api.EntryView} entry */
const tried = (entry) =>
  button(
    t("try.style"),
    "easel",
    doing(async () => {
      const styles = await texts(entry);
      changing(t("tried"));
      names("style").forEach((name, place) => put(name, styles[place] ?? ""));
      refill(shares(entry));
      toStudio("reuse", {options: entry.options});
      return null;
    }),
    {class: "quiet strong"},
  );
/** @param {Api.EntryView} entry */
export const othersParts = (entry) => {
  const [knob, line] = report(entry);
  return [element("div", {class: "actions"}, entry.offered.length ? tried(entry) : null, reuse(entry), knob), line];
};
