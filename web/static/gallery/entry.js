/* How a picture of the gallery was made, and its downloads: in the gallery and behind a link. */
import {anchor, compare} from "../core/controls.js";
import {element, shaped} from "../core/dom.js";
import * as film from "../films/player.js";
import {under} from "../core/place.js";
import {how, moment, span, t} from "../core/text.js";

/**
 * @param {string} name
 * @param {string | null} value
 */
const fact = (name, value) =>
  value === null || value === "" ? [] : [element("dt", {}, name), element("dd", {}, value)];
/** @param {number[]} weights */
const shares = (weights) => {
  const whole = weights.reduce((sum, one) => sum + one, 0);
  return weights.map((one) => `${Math.round((100 * one) / whole)} %`).join(" · ");
};
/** @param {Record<string, number>} took seconds of each stage */
const timings = (took) =>
  Object.entries(took)
    .filter(([stage, seconds]) => stage !== "total" && seconds >= 0.05)
    .map(([stage, seconds]) => `${t(`timing.${stage}`)} ${span(seconds)}`)
    .join(" · ");

/** @param {Api.EntryView} entry */
const ownFacts = ({own, finished}) =>
  own
    ? [
        fact(t("took"), span((finished ?? own.submitted) - own.submitted)),
        fact(t("timings"), timings(own.timings)),
        fact(t("device"), own.device),
        fact(t("kept"), own.kept_until ? moment(own.kept_until) : t("kept.always")),
      ].flat()
    : [];
/** What films don't have.
 * @param {Api.Options} options */
const ofPictures = (options) => [
  fact(t("strokes"), options.strokes ? String(Math.round(options.strokes * 100)) : t("strokes.own")),
  fact(t("how"), t(`how.${how(options)}`)),
];
/** @param {Api.EntryView} entry */
export const facts = (entry) => {
  const {options, own} = entry;
  return element(
    "dl",
    {class: "made"},
    fact(t("strength"), String(Math.round(options.alpha * 100))),
    fact(t("color"), t(`color.${options.color}`)),
    ...(entry.film ? [fact(t("steady"), String(Math.round(options.steady * 100)))] : ofPictures(options)),
    fact(t("transparency"), options.transparency === "keep" ? t("transparency.keep") : null),
    fact(t("margins"), options.keep_margins ? t("margins.keep") : null),
    fact(t("crop"), options.crop?.length || options.style_crops?.some((one) => one.length) ? t("crop.cropped") : null),
    fact(t("size"), `${entry.width} × ${entry.height}` + (options.size ? "" : ` (${t("size.whole")})`)),
    fact(t("shares"), options.weights.length > 1 ? shares(options.weights) : null),
    fact(t("regions"), own?.masks ? String(own.masks) : null),
    fact(t("network"), `${entry.network} ${(entry.weights_sha256 || "").slice(0, 12)}`),
    fact(t("finished"), entry.finished ? moment(entry.finished) : null),
    ownFacts(entry),
    fact(t("version"), entry.version),
  );
};

/** @param {Api.EntryView} entry */
export const named = (entry) => entry.title || t("untitled");
/** What is shown of an entry: a film plays; a picture lies over its photo, if that may be seen.
 * @param {Api.EntryView} entry
 * @param {string | null} photo */
export const face = (entry, photo) => {
  const {picture, width, height} = entry,
    unpainted = entry.own && under(`/api/v1/jobs/${entry.id}/unpainted`);
  if (entry.film) return film.shown({film: entry.film, picture, photo, unpainted, width, height}, named(entry));
  if (photo) return compare(picture, photo, width, height);
  return shaped(element("div", {class: "compare"}, element("img", {src: picture, alt: named(entry)})), width, height);
};
/** @param {Api.EntryView} entry */
export const downloads = (entry) => {
  if (entry.film) {
    const link = anchor(t("download"), "save", {class: "quiet strong", href: entry.film, download: ""});
    return element("div", {class: "download"}, link);
  }
  const format = element(
    "select",
    {"aria-label": t("format"), onchange: () => aim()},
    entry.formats.map((kind) => element("option", {value: kind}, kind.toUpperCase())),
  );
  const within = element("input", {type: "checkbox", checked: true, onchange: () => aim()});
  const link = anchor(t("download"), "save", {class: "quiet strong", download: ""});
  const aim = () => {
    link.href = `${entry.download}?format=${format.value}&settings=${within.checked}`;
  };
  aim();
  return element("div", {class: "download"}, link, format, element("label", {}, within, t("with.settings")));
};

/** @param {Api.EntryView} entry */
export const tags = (entry) =>
  element(
    "p",
    {class: "tags"},
    entry.tags.map((tag) => element("span", {}, tag)),
  );
