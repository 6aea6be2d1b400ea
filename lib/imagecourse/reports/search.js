// All words must stand in a section; those with words in their titles come first.
const field = document.getElementById("search"), list = document.getElementById("found");
const sections = JSON.parse(document.getElementById("sections").textContent);
const plain = text => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
for (const section of sections) section.searched = plain(section.title + " " + section.text);

function snippet(section, word) {
  const place = Math.max(0, plain(section.text).indexOf(word));
  const [from, to] = [Math.max(0, place - 60), Math.min(section.text.length, place + 120)];
  return (from ? "… " : "") + section.text.slice(from, to) + (to < section.text.length ? " …" : "");
}

function entry(section, words) {
  const item = document.createElement("li"), link = document.createElement("a"), text = document.createElement("p");
  link.href = section.page + "#" + section.anchor;
  link.textContent = section.chapter + ": " + section.title;
  text.textContent = snippet(section, words[0]);
  item.append(link, text);
  return item;
}

function search() {
  const words = plain(field.value).split(/\s+/).filter(Boolean);
  const found = words.length ? sections.filter(section => words.every(word => section.searched.includes(word))) : [];
  const inTitle = section => words.filter(word => plain(section.title).includes(word)).length;
  found.sort((one, other) => inTitle(other) - inTitle(one));
  list.replaceChildren(...found.slice(0, 20).map(section => entry(section, words)));
  document.getElementById("count").textContent = words.length
    ? found.length + (found.length === 1 ? " section" : " sections") + (found.length > 20 ? ", the first 20:" : "") : "";
  history.replaceState(null, "", words.length ? "#search=" + encodeURIComponent(field.value) : location.pathname.split("/").pop());
}

field.addEventListener("input", search);
if (location.hash.startsWith("#search")) {
  field.value = decodeURIComponent(location.hash.slice("#search=".length));
  search();
  field.focus();
}
