/* What a share link shows: the picture and how it was made; or why it shows nothing. */
import {ask, sentence, status} from "../core/api.js";
import {anchor, button, message} from "../core/controls.js";
import {element, find, shaped} from "../core/dom.js";
import {setUpPage, t} from "../core/text.js";
import {downloads, facts, named, tags} from "../gallery/entry.js";

const shownHere = `/api/v1${location.pathname}`; // of a share link or a public entry
const main = find(document, "#shared");

/** Hands the address to another program, where the browser can.
 * @param {string} title */
const share = (title) =>
  "share" in navigator
    ? button(t("share.pass"), "link", () => navigator.share({title, url: location.href}).catch(() => {}))
    : null;
const home = () => anchor(t("make.yours"), "easel", {href: "/"});
/** @param {Api.EntryView} entry */
const picture = (entry) => [
  shaped(
    element("div", {class: "compare"}, element("img", {src: entry.picture, alt: named(entry)})),
    entry.width,
    entry.height,
  ),
  element(
    "div",
    {class: "about"},
    element("h1", {}, named(entry)),
    tags(entry),
    downloads(entry),
    share(named(entry)),
    facts(entry),
    home(),
  ),
];
const shown = async () => {
  try {
    /** @type {Api.EntryView} */
    const entry = await ask(shownHere);
    setUpPage(named(entry));
    return picture(entry);
  } catch (error) {
    return [message("link", element("h1", {}, t(status(error) ? "link.gone" : "away.title")), sentence(error), home())];
  }
};

setUpPage();
shown().then((parts) => {
  main.replaceChildren(...parts);
  main.removeAttribute("aria-busy");
});
