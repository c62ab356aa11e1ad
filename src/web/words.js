// What the page says, in English and Japanese, and numbers and dates as the reader writes them.

const WORDS = {
  en: {
    add: "Add pictures", api: "API", by_picture: "Search by a picture (or paste or drop one)", cancel: "Cancel",
    caption: "Caption", clear_picture: "Search without the picture", close: "Close",
    confirm_remove: "Delete “{name}” for good?", distance: "Vector distance", download: "Download",
    drop_add: "Add to the collection", drop_search: "Search by this picture",
    file: "File", hits: "{count} found · {ms} ms", hits_more: "First {count} · {ms} ms",
    keyword_rank: "Place by words", key_needed: "This server asks for an API key.", mode: "Compare by",
    mode_hybrid: "Both", mode_keyword: "Words", mode_vector: "Looks", model: "Model: {name} {version}",
    model_name: "Image model", more: "Load more", negative_prompt: "Negative prompt", newest: "Newest pictures",
    next: "Next picture", none: "Nothing found. Other words, or another way of comparing, may help.",
    none_yet: "No pictures yet. Drop some here, or use “Add pictures”.", offline: "The server does not answer. Is it running?",
    pictures: "Pictures", previous: "Previous picture", prompt: "Prompt", query: "What to find",
    query_hint: "What to find: a cat, 青い車 …", raw_prompt: "Generation prompt as stored", remove: "Delete",
    removed: "Deleted “{name}”.", sampler: "Sampler", search: "Search", searching: "Searching…", seed: "Seed",
    similar: "More like this", size: "Size", steps: "Steps", uploaded: "Added",
    uploading: "Adding pictures: {done} of {total}", uploads: "Added pictures", uploads_done: "{done} of {total} added",
    use_key: "Use this key", vector_rank: "Place by looks", state_waiting: "waiting", state_running: "sending…",
    state_busy: "server busy, trying again", state_created: "added", state_known: "was there already",
    state_rejected: "not added: {why}",
  },
  ja: {
    add: "画像を追加", api: "API", by_picture: "画像で検索（貼り付けやドロップも可）", cancel: "キャンセル",
    caption: "キャプション", clear_picture: "画像による検索をやめる", close: "閉じる",
    confirm_remove: "「{name}」を完全に削除しますか？", distance: "ベクトル距離", download: "ダウンロード",
    drop_add: "コレクションに追加", drop_search: "この画像で検索",
    file: "ファイル", hits: "{count} 件 · {ms} ミリ秒", hits_more: "上位 {count} 件 · {ms} ミリ秒",
    keyword_rank: "キーワード順位", key_needed: "このサーバーには API キーが必要です。", mode: "検索方法",
    mode_hybrid: "両方", mode_keyword: "キーワード", mode_vector: "見た目", model: "モデル: {name} {version}",
    model_name: "画像モデル", more: "さらに表示", negative_prompt: "ネガティブプロンプト", newest: "新着画像",
    next: "次の画像", none: "見つかりませんでした。別の言葉や検索方法をお試しください。",
    none_yet: "まだ画像がありません。ここにドロップするか「画像を追加」を押してください。",
    offline: "サーバーが応答しません。起動しているか確認してください。",
    pictures: "画像", previous: "前の画像", prompt: "プロンプト", query: "探したいもの",
    query_hint: "探したいもの（例：猫、青い車）", raw_prompt: "保存されている生成プロンプト", remove: "削除",
    removed: "「{name}」を削除しました。", sampler: "サンプラー", search: "検索", searching: "検索中…", seed: "シード",
    similar: "似た画像を探す", size: "サイズ", steps: "ステップ数", uploaded: "追加日時",
    uploading: "追加中: {done} / {total}", uploads: "追加した画像", uploads_done: "{total} 件中 {done} 件を追加しました",
    use_key: "このキーを使う", vector_rank: "見た目の順位", state_waiting: "待機中", state_running: "送信中…",
    state_busy: "混雑のため再試行中", state_created: "追加しました", state_known: "登録済みです",
    state_rejected: "追加できません: {why}",
  },
};

const preferred = (navigator.languages ?? [navigator.language]).find((tag) => /^(ja|en)\b/i.test(tag)) ?? "en";
export const language = preferred.slice(0, 2).toLowerCase();

/** The words for a key, with {names} filled in. */
export function say(key, values = {}) {
  return WORDS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Puts the reader's language into the elements that name their words. */
export function translate(root) {
  root.documentElement.lang = language;
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  for (const node of root.querySelectorAll("[data-title]")) node.title = say(node.dataset.title);
  for (const node of root.querySelectorAll("[data-placeholder]")) node.placeholder = say(node.dataset.placeholder);
}

export const number = (value, digits = 0) =>
  new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);

export const date = (text) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));

export function bytes(count) {
  const [value, unit] = count < 1e6 ? [count / 1e3, "kB"] : [count / 1e6, "MB"];
  return `${number(value, value < 10 ? 1 : 0)} ${unit}`;
}
