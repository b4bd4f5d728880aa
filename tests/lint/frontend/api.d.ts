/* The API's answers; written by `python -m tests.lint.api_types`. */

declare namespace Api {
  interface ArchiveView {
    address: string;
    pictures: number;
    bytes: number;
  }
  interface BatchLimits {
    pictures: number;
    bytes: number;
  }
  interface BatchPage {
    batches: Array<BatchView>;
    next: string | null;
    limits: BatchLimits;
  }
  interface BatchView {
    id: string;
    submitted: number;
    elapsed: number;
    photos: Array<string>;
    styles: Array<string>;
    options: Options;
    counts: Record<string, number>;
    progress: number;
    position: number;
    estimate: number | null;
    cells: Array<CellView>;
    come_back: string | null;
  }
  interface BinnedView {
    id: string;
    title: string;
    deleted: number;
    kept_until: number | null;
    thumbnail: string;
    film: boolean;
  }
  interface Blocking {
    who: string;
    reason: string;
  }
  interface CellView {
    id: string;
    photo: number;
    style: number;
    state: Status;
    stage: string;
    progress: number;
    width: number;
    height: number;
    film: boolean;
    error: string | null;
    error_code: string | null;
  }
  interface Change {
    title: string | null;
    tags: Array<string> | null;
    favourite: boolean | null;
    shows_photo: boolean | null;
    lends_styles: boolean | null;
  }
  interface Complaint {
    reason: string;
  }
  interface Deleted {
    deleted: Array<string>;
  }
  interface Deletion {
    ids: Array<string>;
    forever: boolean;
  }
  interface DeliveryView {
    url: string;
    state: worker__webhooks__deliveries__State;
    attempts: number;
    next_attempt: number | null;
    answer: number | null;
    error: string | null;
    error_code: string | null;
    ended: number | null;
  }
  interface Embedded {
    options: Options;
    network: string | null;
    weights_sha256: string | null;
    version: string | null;
  }
  interface EntryPage {
    entries: Array<EntryView>;
    next: string | null;
    total: number | null;
  }
  interface EntryStyleView {
    address: string;
    digest: string | null;
  }
  interface EntryView {
    id: string;
    title: string;
    tags: Array<string>;
    published: number | null;
    finished: number | null;
    options: Options;
    network: string | null;
    weights_sha256: string | null;
    version: string | null;
    width: number | null;
    height: number | null;
    picture: string;
    film: string | null;
    thumbnail: string;
    download: string;
    formats: Array<"png" | "jpeg" | "webp">;
    content: string | null;
    offered: Array<OfferedStyle>;
    own: OwnView | null;
  }
  interface FilmView {
    seconds: number;
    frames: number | null;
    rate: number | null;
    sound: boolean | null;
  }
  interface HTTPValidationError {
    detail: Array<ValidationError>;
  }
  interface HistoryView {
    ancestors: Array<RelativeView | null>;
    children: Array<RelativeView>;
    earlier: boolean;
    later: boolean;
  }
  interface Ids {
    ids: Array<string>;
  }
  interface JobPage {
    jobs: Array<JobView>;
    next: string | null;
  }
  interface JobView {
    id: string;
    state: Status;
    position: number;
    estimate: number | null;
    stage: string;
    step: number;
    steps: number;
    progress: number;
    submitted: number;
    started: number | null;
    finished: number | null;
    elapsed: number;
    studio: worker__jobs__service_state__State | null;
    options: Options;
    styles: number;
    masks: number;
    film: FilmView | null;
    batch: string | null;
    parent: string | null;
    width: number;
    height: number;
    original_width: number | null;
    original_height: number | null;
    notices: Array<string>;
    error: string | null;
    error_code: string | null;
    timings: Record<string, number>;
    network: string | null;
    weights_sha256: string | null;
    version: string | null;
    worker: string | null;
    device: string | null;
    come_back: string | null;
  }
  interface Kept {
    kept: number;
    most: number;
    can_sign_in: boolean;
    signed_in: boolean;
    name: string;
  }
  interface KeyView {
    id: string;
    name: string;
    prefix: string;
    made: number;
    used: number | null;
  }
  interface Message {
    type: string;
    timestamp: number;
    data: Told;
  }
  interface Name {
    name: string;
  }
  interface Networks {
    able: Array<string>;
    default: string;
  }
  interface NewKey {
    id: string;
    name: string;
    prefix: string;
    made: number;
    used: number | null;
    key: string;
  }
  interface OfferedStyle {
    sample: string | null;
    address: string;
    weight: number;
  }
  interface Options {
    alpha: number;
    weights: Array<number>;
    color: "style" | "content" | "luminance";
    size: 0 | number;
    fit: "" | "10x15" | "a4" | "a3" | "largest";
    network: "compact" | "vgg19";
    transfer: "adain" | "covariance";
    region: "all" | "subject" | "background";
    keep_margins: boolean;
    crop: Array<number>;
    style_crops: Array<Array<number>>;
    transparency: "flatten" | "keep";
    strokes: number;
    method: "adain" | "refine" | "gatys" | "swap";
    effort: "little" | "more";
    loss: "gram" | "mean_deviation" | "coral" | "mmd_rbf" | "histogram" | "sliced";
    start: "photo" | "noise";
    teach: "" | "feedforward" | "conditional";
    steps: number;
    taught: string;
    steady: number;
    weights_end: Array<number>;
    moving: boolean;
  }
  type Order = "newest" | "oldest";
  interface Overview {
    state: State;
    since: number;
    jobs: Record<string, number>;
    oldest: number | null;
    pace: Record<string, unknown>;
    workers: Array<unknown>;
    sweep: boolean;
    queue: Record<string, unknown>;
    kept: number;
    most: number;
    reported: boolean;
  }
  interface OwnView {
    favourite: boolean;
    shows_photo: boolean;
    lends_styles: boolean;
    hidden: boolean;
    link: string | null;
    kept_until: number | null;
    submitted: number;
    started: number | null;
    timings: Record<string, number>;
    device: string | null;
    content: string;
    styles: Array<EntryStyleView>;
    masks: number;
  }
  interface PreviewView {
    id: string;
  }
  interface Privacy {
    language: "en" | "ko";
    paragraphs: Array<string>;
  }
  interface Problem {
    type: string;
    title: string;
    status: number;
    detail: string;
    code: string;
    params: Record<string, unknown>;
  }
  interface ProblemType {
    code: string;
    text: string;
  }
  interface RelativeView {
    id: string;
    title: string;
    finished: number | null;
    thumbnail: string;
    film: boolean;
  }
  interface Reported {
    entry: EntryView;
    owner: string;
    hidden: boolean;
    reports: Array<Word>;
  }
  interface Restored {
    restored: Array<string>;
  }
  interface Row {
    id: string;
    owner: string;
    origin: string | null;
    status: Status;
    error: string | null;
    error_code: string | null;
    attempt: number;
    worker: string | null;
    network: string | null;
    stage: string;
    progress: number;
    submitted: number;
    started: number | null;
    finished: number | null;
    binned: number | null;
  }
  interface Rows {
    jobs: Array<Row>;
    next: string | null;
  }
  interface Secret {
    secret: string;
  }
  interface SecretKnown {
    made: number | null;
  }
  interface SecretMade {
    secret: string;
    made: number;
  }
  interface ShelfStyle {
    name: string;
    title: string;
    artist: string;
    year: string;
    licence: string;
    picture: string;
    thumbnail: string;
  }
  type State = "open" | "paused" | "draining";
  type Status = "queued" | "running" | "done" | "failed" | "cancelled";
  interface StyleName {
    name: string;
  }
  interface StyleView {
    job: string;
    place: number;
    digest: string;
    name: string;
    picture: string;
    thumbnail: string;
  }
  interface TaughtView {
    id: string;
    title: string;
    kind: string;
    network: string;
    submitted: number;
    paintings: Array<string>;
    picture: string;
    file: string;
  }
  interface Told {
    id: string;
    state: Status;
    error: string | null;
    error_code: string | null;
    submitted: number;
    started: number | null;
    finished: number;
    width: number | null;
    height: number | null;
  }
  interface UploadView {
    id: string;
    width: number;
    height: number;
    seconds: number | null;
    moves: number | null;
  }
  interface ValidationError {
    loc: Array<string | number>;
    msg: string;
    type: string;
    input: unknown;
    ctx: Record<string, unknown>;
  }
  interface Value {
    value: number | null;
  }
  interface Word {
    reason: string;
    made: number;
  }
  type worker__jobs__service_state__State = "open" | "paused" | "draining";
  type worker__webhooks__deliveries__State = "waiting" | "delivered" | "failed";
}
