/* What a share link shows: the picture and how it was made; or why it shows nothing. */
import {ask} from "../core/api.js";
import {anchor, message} from "../core/controls.js";
import {element, shaped} from "../core/dom.js";
import {language, t, TITLE} from "../core/text.js";
import {downloads, facts, named, tags} from "../gallery/entry.js";

const token = location.pathname.split("/").pop();
const main = document.querySelector("#shared");

const home = () => anchor(t("make.yours"), "easel", {href: "/"});
const picture = (entry) => [
  shaped(element("div", {class: "compare"}, element("img", {src: entry.picture, alt: named(entry)})), entry.width, entry.height),
  element("div", {class: "about"}, element("h1", {}, named(entry)), tags(entry), downloads(entry), facts(entry), home()),
];
const shown = async () => {
  try {
    const entry = await ask(`/api/v1/share/${token}`);
    document.title = `${named(entry)} · ${TITLE}`;
    return picture(entry);
  } catch (error) {
    return [message("link", element("h1", {}, t(error.status ? "link.gone" : "away.title")), error.message, home())];
  }
};

document.documentElement.lang = language;
document.documentElement.classList.toggle("dark", matchMedia("(prefers-color-scheme: dark)").matches);
shown().then((parts) => { main.replaceChildren(...parts); main.removeAttribute("aria-busy"); });
