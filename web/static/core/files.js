/* Picture files that are dropped or chosen. */

export const ACCEPTED = "image/*,.heic,.heif";

/** The address of a picture of the studio's own page that is dragged, in its full size; or "".
 * @param {DataTransfer | null} transfer */
const ownPicture = (transfer) => {
  const address = transfer?.getData("text/uri-list").split("\n")[0].trim() ?? "";
  if (!address.startsWith(`${location.origin}/`)) return "";
  return address
    .replace(/(\/jobs\/[^/]+)\/thumbnail$/, "$1/picture")
    .replace(/\/thumbnail$/, "/picture")
    .replace(/\/shelf\/(?:medium\/)?(\w+\/[\w-]+)\.webp$/, "/shelf/$1.jpg");
};
/** The pictures that are dropped: of the page, or files.
 * @param {DataTransfer | null} transfer
 * @returns {Promise<File[]>} */
const pictures = async (transfer) => {
  const files = [...(transfer?.files ?? [])],
    own = ownPicture(transfer);
  if (!own) return files;
  const answer = await fetch(own, {credentials: "same-origin"});
  if (!answer.ok) return files;
  const blob = await answer.blob();
  return [new File([blob], "picture", {type: blob.type})];
};

/**
 * Takes files that are dropped on a box, and pictures of the page; it has the class `over` while some are above it.
 * @param {HTMLElement} box
 * @param {(files: File[]) => void} take
 */
export const acceptDrops = (box, take) => {
  box.addEventListener("dragover", (event) => {
    event.preventDefault();
    box.classList.add("over");
  });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", async (event) => {
    event.preventDefault();
    box.classList.remove("over");
    take(await pictures(event.dataTransfer));
  });
};
