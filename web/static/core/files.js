/* Picture files that are dropped or chosen. */

export const ACCEPTED = "image/*,.heic,.heif";

/**
 * Takes files that are dropped on a box; it has the class `over` while some are above it.
 * @param {HTMLElement} box
 * @param {(files: File[]) => void} take
 */
export const acceptDrops = (box, take) => {
  box.addEventListener("dragover", (event) => {
    event.preventDefault();
    box.classList.add("over");
  });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    take([...(event.dataTransfer?.files ?? [])]);
  });
};
