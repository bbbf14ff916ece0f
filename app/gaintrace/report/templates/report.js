// Comfort alone: without this script nothing is missing from the page but sorting, copying and values under the pointer.
for (const table of document.querySelectorAll("table")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const text = row => row.cells[column].textContent.trim().replaceAll("−", "-");
      const number = row => parseFloat(text(row));
      const order = (a, b) => number(a) - number(b) || isNaN(number(b)) - isNaN(number(a)) || text(a).localeCompare(text(b));
      const rows = [...table.tBodies[0].rows].sort((a, b) => down ? order(b, a) : order(a, b));
      table.tBodies[0].append(...rows);
    };
  });
}
for (const code of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  button.className = "copy";
  button.textContent = "copy";
  button.setAttribute("aria-label", "Copy " + code.dataset.copy);
  button.onclick = () => {
    const area = document.createElement("textarea");  // navigator.clipboard is not there for files
    area.value = code.dataset.copy;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    button.textContent = done ? "copied" : code.dataset.copy;
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  };
  code.after(button);
}
const tip = document.body.appendChild(document.createElement("p"));
tip.className = "tip";
tip.hidden = true;
document.addEventListener("pointermove", event => {
  let found = null, nearest = 14;
  const svg = event.target.closest?.("figure svg");
  for (const title of svg ? svg.querySelectorAll("title") : []) {
    const box = title.parentNode.getBoundingClientRect();
    const away = Math.hypot(box.x + box.width / 2 - event.clientX, box.y + box.height / 2 - event.clientY);
    if (title.parentNode.contains(event.target)) { found = title; break; }
    if (away < nearest) { found = title; nearest = away; }
  }
  tip.hidden = !found;
  if (!found) return;
  tip.textContent = found.textContent;
  tip.style.left = Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8) + "px";
  tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8) + "px";
});
