// One page: a table of items, the last events, and how the connection is.
//
// Rows come from GET /api/inventory and from events; both carry the item's
// version, and the newer one wins whichever comes first.  After every new
// connection the rows are read again, since events of the time between are
// not repeated to a client that does not resume.
//
// Everything from outside is written as text, never as markup.

const EVENTS_SHOWN = 20;
const BACKOFF_FIRST_MS = 1000;
const BACKOFF_LONGEST_MS = 30000;
const UP_RESETS_BACKOFF_MS = 10000;
const SPEAK_EVERY_MS = 5000;

const byId = (id) => document.getElementById(id);

// Items

const items = new Map(); // key -> { data, row, cells, seenAt }
const keyOf = (data) => JSON.stringify([data.productId, data.warehouseId]);
const collator = new Intl.Collator(undefined, { numeric: true });
const stateWords = { ok: "In stock", low: "Low", out: "Out of stock" };

function makeRow(data) {
	const row = document.createElement("tr");
	const product = document.createElement("th");
	product.scope = "row";
	const id = document.createElement("span");
	const name = document.createElement("small");
	const where = document.createElement("small");
	where.className = "narrow";
	product.append(id, name, where);
	row.append(product);
	const cells = { id, name, where };
	for (const [key, className] of [
		["warehouse", "wide"],
		["available", "number"],
		["reserved", "number wide"],
		["onHand", "number wide"],
		["minimum", "number wide"],
	]) {
		cells[key] = document.createElement("td");
		cells[key].className = className;
		row.append(cells[key]);
	}
	const stateCell = document.createElement("td");
	cells.state = document.createElement("span");
	cells.state.className = "badge";
	stateCell.append(cells.state);
	row.append(stateCell);
	return { data, row, cells };
}

function insertInOrder(item) {
	const text = [item.data.productId, item.data.warehouseId].join("\n");
	for (const other of byId("items").children)
		if (collator.compare(other.dataset.order, text) > 0) {
			other.before(item.row);
			item.row.dataset.order = text;
			return;
		}
	item.row.dataset.order = text;
	byId("items").append(item.row);
}

function nameOf(data) {
	const attributes = data.attributes;
	return attributes && typeof attributes.name === "string" ? attributes.name : "";
}

function matchesSearch(item) {
	const wanted = byId("search").value.trim().toLowerCase();
	const text = `${item.data.productId} ${item.data.warehouseId} ${nameOf(item.data)}`;
	return text.toLowerCase().includes(wanted);
}

function fillRow(item) {
	const { data, cells } = item;
	const state = data.alertState ?? "ok";
	cells.id.textContent = data.productId;
	cells.name.textContent = nameOf(data);
	cells.warehouse.textContent = data.warehouseId;
	cells.where.textContent = data.warehouseId;
	cells.available.textContent = data.quantityAvailable;
	cells.reserved.textContent = data.quantityReserved;
	cells.onHand.textContent = data.quantityOnHand;
	cells.minimum.textContent = data.minimumStock;
	cells.state.textContent = stateWords[state] ?? state;
	cells.state.dataset.state = state;
	item.row.hidden = !matchesSearch(item);
}

function flash(row) {
	row.classList.remove("changed");
	void row.offsetWidth; // restarts the animation
	row.classList.add("changed");
}

function takeItem(data, isLive) {
	const key = keyOf(data);
	let item = items.get(key);
	if (item) item.seenAt = performance.now();
	if (item && data.version <= item.data.version) {
		// Events do not carry what only people need, such as the name.
		item.data = { ...data, ...item.data };
		fillRow(item);
		return;
	}
	if (!item) {
		item = makeRow(data);
		item.seenAt = performance.now();
		items.set(key, item);
		insertInOrder(item);
	}
	item.data = { ...item.data, ...data };
	fillRow(item);
	if (isLive) flash(item.row);
}

function dropItem(data) {
	const key = keyOf(data);
	items.get(key)?.row.remove();
	items.delete(key);
}

function showCount() {
	let shown = 0;
	for (const item of items.values()) shown += item.row.hidden ? 0 : 1;
	byId("item-count").textContent = shown === items.size ? `(${items.size})` : `(${shown} of ${items.size})`;
	byId("empty").hidden = shown > 0;
	byId("empty").textContent = items.size ? "No item matches." : "No items yet.";
}

// Reads all rows, page by page.  What is in the table but was neither read nor
// heard of meanwhile has been retired.
async function readItems() {
	const note = byId("note");
	const startedAt = performance.now();
	try {
		let after = "";
		for (;;) {
			const response = await fetch(`api/inventory?limit=500${after}`, { cache: "no-store" });
			const rows = await response.json();
			if (!response.ok) throw new Error(rows.error);
			if (!rows.length) break;
			for (const row of rows) takeItem(row, false);
			after = `&after=${encodeURIComponent(channelOf(rows.at(-1)))}`;
		}
		for (const item of items.values()) if (item.seenAt < startedAt) dropItem(item.data);
		note.hidden = true;
	} catch (error) {
		note.textContent = `The items could not be read: ${error.message}`;
		note.hidden = false;
	}
	showCount();
}

function channelOf({ productId, warehouseId }) {
	return `product:${encodeURIComponent(productId)}:warehouse:${encodeURIComponent(warehouseId)}`;
}

// Events

function describe({ type, data }) {
	const item = data.productId ? `${data.productId} in ${data.warehouseId}` : "";
	const change = data.changeAmount > 0 ? `+${data.changeAmount}` : data.changeAmount;
	switch (type) {
		case "inventory.updated":
			return `${item}: ${data.previousQuantity} → ${data.quantityAvailable} (${change}, ${data.movementType})`;
		case "inventory.low_stock":
			return `Low stock: ${item}, ${data.quantityAvailable} left`;
		case "inventory.out_of_stock":
			return `Out of stock: ${item}`;
		case "inventory.back_in_stock":
			return `Back in stock: ${item}, ${data.quantityAvailable}`;
		case "inventory.oversold":
			return `Oversold: ${item}, ${data.quantityAvailable}`;
		case "inventory.retired":
			return `Retired: ${item}`;
		case "batch.expiring_soon":
			return `Batch ${data.batchNumber} of ${item} expires soon`;
		case "batch.expired":
			return `Batch ${data.batchNumber} of ${item} has expired`;
		default:
			return item ? `${type}: ${item}` : type;
	}
}

let spokenAt = 0;

function speak(text) {
	if (Date.now() - spokenAt < SPEAK_EVERY_MS) return;
	spokenAt = Date.now();
	byId("spoken").textContent = text;
}

function listEvent(event) {
	const list = byId("events");
	const entry = document.createElement("li");
	const text = document.createElement("p");
	const time = document.createElement("time");
	const isAlert = event.type !== "inventory.updated";
	text.textContent = describe(event);
	time.textContent = new Date().toLocaleTimeString();
	entry.dataset.kind = isAlert ? "alert" : "change";
	entry.append(text, time);
	list.prepend(entry);
	while (list.children.length > EVENTS_SHOWN) list.lastChild.remove();
	byId("no-events").hidden = true;
	if (isAlert) speak(text.textContent);
}

function takeEvent(event) {
	const { type, data } = event;
	if (typeof data !== "object" || data === null) return;
	if (type === "inventory.retired") dropItem(data);
	else if (type.startsWith("inventory.") && data.version !== undefined) takeItem(data, true);
	listEvent(event);
	showCount();
	const mark = document.querySelector(".link-mark");
	mark.classList.remove("pulse");
	void mark.offsetWidth;
	mark.classList.add("pulse");
}

// The connection

let socket = null;
let attempt = 0;
let retryTimer = 0;
let openedAt = 0;

function showLink(state, text, canRetry = false) {
	byId("link").dataset.state = state;
	if (byId("link-text").textContent !== text) byId("link-text").textContent = text;
	byId("retry").hidden = !canRetry;
}

function connect() {
	clearTimeout(retryTimer);
	socket?.close();
	showLink("connecting", attempt ? `Connecting… (attempt ${attempt + 1})` : "Connecting…");
	const url = new URL("ws", location.href);
	url.protocol = url.protocol.replace("http", "ws");
	const mine = new WebSocket(url);
	socket = mine;
	mine.onopen = () => {
		openedAt = Date.now();
		showLink("live", "Live updates active");
		readItems();
	};
	mine.onmessage = ({ data }) => {
		const message = JSON.parse(data);
		if (typeof message.type === "string" && "data" in message) takeEvent(message);
	};
	mine.onclose = () => {
		if (mine === socket) waitAndConnect();
	};
}

// Half fixed, half random: many pages do not come back in the same moment.
function waitAndConnect() {
	if (openedAt && Date.now() - openedAt > UP_RESETS_BACKOFF_MS) attempt = 0;
	openedAt = 0;
	socket = null;
	const longest = Math.min(BACKOFF_FIRST_MS * 2 ** attempt++, BACKOFF_LONGEST_MS);
	const due = Date.now() + longest / 2 + Math.random() * (longest / 2);
	const tick = () => {
		const left = Math.ceil((due - Date.now()) / 1000);
		if (left <= 0) {
			connect();
			return;
		}
		showLink(attempt > 5 ? "offline" : "waiting", `Disconnected, reconnecting in ${left} s`, true);
		retryTimer = setTimeout(tick, Math.min(250, due - Date.now()));
	};
	tick();
}

byId("retry").addEventListener("click", connect);
byId("search").addEventListener("input", () => {
	for (const item of items.values()) item.row.hidden = !matchesSearch(item);
	showCount();
});
for (const moment of ["online", "pageshow"])
	addEventListener(moment, () => {
		if (!socket) connect();
	});

connect();
