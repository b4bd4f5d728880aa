/* A tray: many pictures chosen by hand, from files or from a row of samples; nothing is sent yet. */
import {sentence} from "../core/api.js";
import {button} from "../core/controls.js";
import {all, element, find} from "../core/dom.js";
import {ACCEPTED, acceptDrops} from "../core/files.js";
import {icon} from "../core/icons.js";
import {shrunk} from "../core/shrink.js";
import {t} from "../core/text.js";
import {accepted, isFilm} from "../films/files.js";
import {choose, frameOf, part} from "../studio/crop.js";
import {CROP, address, discard, upload} from "../studio/uploads.js";
import {forget} from "./sending.js";

/** `small` and `whole` are addresses; `text` names the picture as a field of the form does, for which a
 * file is uploaded; `crop` is what follows it there, "" of a whole one.
 * @typedef {{
 *   name: string,
 *   title: string,
 *   credit?: string,
 *   small: string,
 *   whole: string,
 *   crop: string,
 *   text: () => Promise<string>,
 *   blob: () => Promise<Blob>,
 *   own: boolean,
 *   film?: boolean,
 * }} Choice */

const most = () => Number(find(document, ".field").dataset.most); // bytes of a file
/** @param {Page.Sample} sample
 * @returns {Choice} */
const ofSample = (sample) => ({
  ...sample,
  name: `${sample.name}.jpg`,
  whole: address(sample.text),
  crop: "",
  text: async () => sample.text,
  blob: async () => (await fetch(sample.whole)).blob(),
  own: false,
});
/** A file as it is or, if it is too large to be sent, smaller.
 * @param {File} file
 * @returns {Promise<Blob>} */
const fitting = async (file) => (file.size > most() && (await shrunk(file, most()).catch(() => null))) || file;
/** @param {File} file
 * @returns {Choice} */
const ofFile = (file) => {
  const here = URL.createObjectURL(file),
    film = isFilm(file);
  return {
    name: file.name,
    title: file.name,
    small: here,
    whole: here,
    crop: "",
    text: () => upload(file, most(), false),
    blob: async () => (film ? file : fitting(file)),
    own: true,
    film,
  };
};
/** What is used of a picture.
 * @param {Choice} one */
const face = ({small, whole, crop, title, film}) => {
  if (film)
    return element("video", {
      src: small,
      muted: true,
      playsinline: true,
      preload: "metadata",
      "aria-label": title,
    });
  const alt = crop ? `${title}, ${t("crop.cropped")}` : title;
  return part(crop ? whole : small, frameOf(CROP + crop), {alt, title: alt});
};

/**
 * @param {"photos" | "styles"} kind
 * @param {Page.Sample[]} samples
 * @param {() => void} changed is called when something was chosen or taken away
 * @param {(sentence: string) => void} say why something could not be done
 */
export const tray = (kind, samples, changed, say) => {
  /** @type {Map<string, Choice>} */
  const chosen = new Map();
  const list = element("div", {
    class: "picked",
    role: "group",
    "aria-label": t(`batch.${kind}`),
  });
  const draw = () => {
    list.replaceChildren(
      ...[...chosen].map(([key, one]) =>
        element(
          "div",
          {class: "pick", "data-key": key},
          face(one),
          element(
            "button",
            {
              type: "button",
              "aria-label": t("batch.remove", {name: one.title}),
              onclick: () => drop(key),
            },
            icon("close"),
          ),
          one.film
            ? null
            : element(
                "button",
                {
                  type: "button",
                  class: "cut",
                  "aria-label": `${t("crop")}: ${one.title}`,
                  onclick: ({currentTarget}) => cut(key, one, currentTarget),
                },
                icon("crop"),
              ),
        ),
      ),
      adder,
    );
    emptier.hidden = chosen.size < 2;
    credits.textContent = [...chosen.values()].flatMap(({credit}) => credit || []).join("\n");
    for (const knob of all(row, ":scope > *"))
      knob.setAttribute("aria-pressed", String(chosen.has(knob.dataset.key ?? "")));
    changed();
  };
  /** @param {string} key */
  const drop = (key) => {
    const one = chosen.get(key);
    if (one?.own) URL.revokeObjectURL(one.small);
    chosen.delete(key);
    forget(key);
    draw();
  };
  /** Lets a crop of a picture be drawn, over the server's copy of it, which is upright.
   * @param {string} key
   * @param {Choice} one
   * @param {HTMLElement} knob */
  const cut = async (key, one, knob) => {
    if (knob.getAttribute("aria-busy")) return;
    knob.setAttribute("aria-busy", "true");
    say("");
    try {
      const text = await one.text();
      const drawn = await choose(one.crop ? text + CROP + one.crop : text, one.title);
      discard(text);
      if (drawn !== null) one.crop = drawn.split(CROP)[1] ?? "";
    } catch (problem) {
      say(sentence(problem));
    }
    draw();
    const same = all(list, ".pick").find((pick) => pick.dataset.key === key);
    if (same) find(same, ".cut").focus();
  };
  const clear = () => [...chosen.keys()].forEach(drop);
  /** @param {Iterable<File>} files */
  const add = (files) => {
    for (const file of files) {
      const key = `${file.name} ${file.size} ${file.lastModified}`;
      if (kind === "styles" && isFilm(file)) say(t("film.photo.only"));
      else if (!chosen.has(key)) chosen.set(key, ofFile(file));
    }
    draw();
  };
  /** @param {Page.Sample} sample */
  const toggle = (sample) => {
    const key = `sample ${sample.name}`;
    if (chosen.has(key)) return drop(key);
    chosen.set(key, ofSample(sample));
    draw();
  };
  const field = element("input", {
    type: "file",
    accept: kind === "photos" ? accepted(find(document, ".field")) : ACCEPTED,
    multiple: true,
    "aria-label": t(`batch.add.${kind}`),
    onchange: () => {
      add([...(field.files ?? [])]);
      field.value = "";
    },
  });
  const adder = element(
    "label",
    {class: "adder"},
    icon(kind === "photos" ? "photo" : "easel"),
    element("span", {}, t(`batch.add.${kind}`)),
    field,
  );
  const credits = element("p", {class: "hint credits", role: "status"});
  const emptier = button(t("batch.clear"), "close", clear, {
    class: "quiet emptier",
  });
  /** @param {Page.Sample} sample */
  const knob = (sample) =>
    element(
      "button",
      {
        type: "button",
        "data-key": `sample ${sample.name}`,
        title: sample.title,
        onclick: () => toggle(sample),
      },
      element("img", {
        src: sample.small,
        alt: sample.title,
        width: 64,
        height: 64,
        loading: "lazy",
      }),
    );
  const row = element("div", {class: "shelf", role: "group", "aria-label": t(`shelf.${kind}`)}, samples.map(knob));
  const box = element(
    "section",
    {class: "tray", "data-kind": kind},
    element("h2", {}, t(`batch.${kind}`)),
    list,
    emptier,
    row,
    credits,
  );
  acceptDrops(box, add);
  draw();
  return {
    box,
    add,
    /** Marks the pictures that can't be used.
     * @param {string[]} keys */
    mark: (keys) => {
      for (const pick of all(list, ".pick")) pick.classList.toggle("refused", keys.includes(pick.dataset.key ?? ""));
    },
    /** What is chosen, by keys. */
    chosen: () => [...chosen].map(([key, {crop}]) => ({key, crop})),
    /** One after the other: large photos are decoded to be made smaller.
     * @returns {Promise<import("./sending.js").Picture[]>} */
    files: async () => {
      const found = [];
      for (const [key, one] of chosen)
        found.push({
          key,
          crop: one.crop,
          name: one.name,
          file: await one.blob(),
        });
      return found;
    },
  };
};
