/* A photo by the visitor's camera, in a dialog. */
import {button} from "../core/controls.js";
import {element} from "../core/dom.js";
import {t} from "../core/text.js";

const QUALITY = 0.95; // of the JPEG

/** @param {HTMLVideoElement} video
 * @returns {Promise<Blob | null>} */
const frame = (video) =>
  new Promise((done) => {
    const canvas = element("canvas", {width: video.videoWidth, height: video.videoHeight});
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    canvas.toBlob(done, "image/jpeg", QUALITY);
  });

/** Answers with the photo, or null if none was taken; raises where there is no camera.
 * @returns {Promise<Blob | null>} */
export const photograph = async () => {
  const stream = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 1920}, height: {ideal: 1080}}});
  const video = element("video", {autoplay: true, muted: true, playsinline: true, "aria-label": t("field.camera")});
  video.srcObject = stream;
  return new Promise((done) => {
    /** @type {Blob | null} */
    let taken = null;
    const dialog = element(
      "dialog",
      {
        class: "entry camera",
        "aria-label": t("field.camera"),
        onclose: () => {
          for (const track of stream.getTracks()) track.stop();
          dialog.remove();
          done(taken);
        },
      },
      video,
      element(
        "div",
        {class: "actions"},
        button(
          t("field.camera.take"),
          "camera",
          async () => {
            taken = await frame(video);
            dialog.close();
          },
          {class: "quiet strong"},
        ),
        button(t("close"), "close", () => {
          dialog.close();
        }),
      ),
    );
    (document.querySelector(".gradio-container") ?? document.body).append(dialog);
    dialog.showModal();
  });
};
