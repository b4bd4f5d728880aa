/* How a picture of the gallery was made, and its downloads: in the gallery and behind a link. */
import {anchor} from "../core/controls.js";
import {element} from "../core/dom.js";
import {moment, span, t} from "../core/text.js";

const row = (name, value) => (value === null || value === "" ? [] : [element("dt", {}, name), element("dd", {}, value)]);
const shares = (weights) => {
  const whole = weights.reduce((sum, one) => sum + one, 0);
  return weights.map((one) => `${Math.round((100 * one) / whole)} %`).join(" · ");
};

export const facts = (entry) => {
  const {options, own} = entry;
  return element("dl", {class: "made"},
    row(t("strength"), String(Math.round(options.alpha * 100))),
    row(t("color"), t(`color.${options.color}`)),
    row(t("size"), `${entry.width} × ${entry.height}` + (options.size ? "" : ` (${t("size.whole")})`)),
    row(t("strokes"), options.strokes ? String(Math.round(options.strokes * 100)) : t("strokes.own")),
    row(t("shares"), options.weights.length > 1 ? shares(options.weights) : null),
    row(t("regions"), own?.masks ? String(own.masks) : null),
    row(t("network"), `${entry.network} ${(entry.weights_sha256 || "").slice(0, 12)}`),
    row(t("finished"), entry.finished ? moment(entry.finished) : null),
    own ? [
      row(t("took"), span(entry.finished - own.submitted)),
      row(t("timings"), Object.entries(own.timings).filter(([stage, took]) => stage !== "total" && took >= 0.05).map(([stage, took]) => `${t(`timing.${stage}`)} ${span(took)}`).join(" · ")),
      row(t("device"), own.device),
      row(t("kept"), own.kept_until ? moment(own.kept_until) : t("kept.always")),
    ].flat() : [],
    row(t("version"), entry.version),
  );
};

export const downloads = (entry) => {
  const format = element("select", {"aria-label": t("format"), onchange: () => aim()},
    ["png", "jpeg", "webp"].map((kind) => element("option", {value: kind}, kind.toUpperCase())));
  const within = element("input", {type: "checkbox", checked: true, onchange: () => aim()});
  const link = anchor(t("download"), "save", {class: "quiet strong", download: ""});
  const aim = () => { link.href = `${entry.download}?format=${format.value}&settings=${within.checked}`; };
  aim();
  return element("div", {class: "download"}, link, format, element("label", {}, within, t("with.settings")));
};

export const tags = (entry) => element("p", {class: "tags"}, entry.tags.map((tag) => element("span", {}, tag)));
export const named = (entry) => entry.title || t("untitled");
