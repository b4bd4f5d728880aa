/* A picture made here, dropped or chosen, gives its settings to the form. */
import {ask} from "../core/api.js";
import {element} from "../core/dom.js";
import {icon} from "../core/icons.js";
import {t} from "../core/text.js";

export const start = (host, trigger) => {
  const told = element("span", {role: "status"});
  const read = async (file) => {
    if (!file) return;
    const body = new FormData();
    body.append("picture", file);
    try {
      trigger("reuse", {options: (await ask("/api/v1/settings", {method: "POST", body})).options});
      told.textContent = t("read.done");
    } catch (error) { told.textContent = error.message; }
  };
  const field = element("input", {type: "file", accept: "image/png,image/jpeg,image/webp", "aria-label": t("read"), onchange: () => { read(field.files[0]); field.value = ""; }});
  const place = element("label", {
    class: "quiet reader",
    ondragover: (event) => event.preventDefault(),
    ondrop: (event) => { event.preventDefault(); read(event.dataTransfer.files[0]); },
  }, icon("again"), element("span", {}, t("read")), field);
  host.querySelector("#read").replaceChildren(place, told);
};
