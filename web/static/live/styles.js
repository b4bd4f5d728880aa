/* Which styles frames are painted in: up to four of the shelf or of the visitor's own. */
import {button} from "../core/controls.js";
import {all, element} from "../core/dom.js";
import {ACCEPTED} from "../core/files.js";
import {under} from "../core/place.js";
import {t} from "../core/text.js";

const MOST = 4;
const SHOWN = 24; // of the shelf

/** @typedef {{name: string, title: string, small: string, file: () => Promise<Blob>}} Chosen */

/** @param {string} name
 * @returns {Chosen} */
const sample = (name) => ({
  name,
  title: t(`shelf.${name}`) === `shelf.${name}` ? name : t(`shelf.${name}`),
  small: under(`/shelf/styles/${name}.webp`),
  file: async () => {
    const answer = await fetch(under(`/shelf/styles/${name}.jpg`));
    if (!answer.ok) throw new Error(t("away"));
    return answer.blob();
  },
});

export class Styles {
  /**
   * @param {string[]} names of the shelf
   * @param {(chosen: Chosen[]) => void} changed
   */
  constructor(names, changed) {
    this.changed = changed;
    this.count = 0;
    /** @type {Chosen[]} */
    this.chosen = [sample(names[0])];
    this.list = element("div", {class: "choices", role: "group", "aria-label": t("shelf.styles")});
    this.list.append(...names.slice(0, SHOWN).map((name) => this.choice(sample(name))));
    this.input = element("input", {
      type: "file",
      accept: ACCEPTED,
      hidden: true,
      "aria-label": t("live.style.own"),
      onchange: () => {
        this.own([...(this.input.files ?? [])]);
        this.input.value = "";
      },
    });
    const knob = button(t("live.style.own"), "upload", () => this.input.click());
    this.parts = [this.list, element("div", {class: "actions"}, knob, this.input)];
    this.draw();
  }
  /** @param {Chosen} style */
  choice(style) {
    const image = element("img", {src: style.small, alt: style.title, width: 72, height: 72});
    return element("button", {type: "button", "data-name": style.name, onclick: () => this.toggle(style)}, image);
  }
  /** Takes a style in or out; one stays.
   * @param {Chosen} style */
  toggle(style) {
    const without = this.chosen.filter((one) => one.name !== style.name);
    if (without.length === this.chosen.length) this.chosen = [...this.chosen.slice(-MOST + 1), style];
    else if (without.length) this.chosen = without;
    this.draw();
    this.changed(this.chosen);
  }
  /** Takes pictures of the visitor's as styles.
   * @param {File[]} files */
  own(files) {
    for (const file of files) {
      const style = {
        name: `own ${this.count++}`,
        title: file.name,
        small: URL.createObjectURL(file),
        file: async () => file,
      };
      this.list.prepend(this.choice(style));
      this.toggle(style);
    }
  }
  /** Goes back to styles that were chosen before.
   * @param {Chosen[]} chosen */
  choose(chosen) {
    this.chosen = chosen;
    this.draw();
  }
  draw() {
    for (const knob of all(this.list, "button"))
      knob.setAttribute("aria-pressed", String(this.chosen.some((one) => one.name === knob.dataset.name)));
  }
}
