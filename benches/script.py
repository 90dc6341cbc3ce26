"""What a careful user would write without lipsyncd: asyncio, keep-alive, limits. It keeps nothing durable.

script.py BASE_URL JOBS.csv FOLDER [SLOTS [DOWNLOADS]]    with KLING_ACCESS_KEY and KLING_SECRET_KEY

Each line of JOBS.csv is: id, video URL, audio URL. FOLDER gets one file per job. Needs nothing but Python.
"""

import asyncio, base64, csv, hashlib, hmac, json, os, sys, time
from urllib.parse import urlsplit

TASKS = "/v1/videos/advanced-lip-sync"
POLL_SECONDS = 0.01
TRIES = 5


class Connections:
    """Connections to one host, which are used again."""

    def __init__(self, base_url, authorization):
        self.url, self.authorization, self.idle = urlsplit(base_url), authorization, []

    async def ask(self, method, path, body=None):
        """Sends a request. Returns the status, the headers, and the connection with the body still to be read."""
        payload = json.dumps(body).encode() if body is not None else b""
        connection = self.idle.pop() if self.idle else await self.open()
        reader, writer = connection
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.url.netloc}\r\nAuthorization: {self.authorization}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
        writer.write(head.encode() + payload)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        return int(lines[0].split()[1]), headers, connection

    async def open(self):
        return await asyncio.open_connection(self.url.hostname, self.url.port)

    async def call(self, method, path, body=None):
        """Calls the API. A busy API is asked again; a create request that got no answer is not sent again."""
        for attempt in range(TRIES):
            status, headers, connection = await self.ask(method, path, body)
            text = await connection[0].readexactly(int(headers["content-length"]))
            self.idle.append(connection)
            if status == 429 or status >= 500 and method == "GET":
                await asyncio.sleep(2**attempt)
                continue
            answer = json.loads(text)
            if answer["code"] != 0:
                raise RuntimeError(f"{path}: {answer['code']} {answer['message']}")
            return answer["data"]
        raise RuntimeError(f"{path}: no success after {TRIES} tries")

    async def download(self, url, path):
        status, headers, connection = await self.ask("GET", urlsplit(url).path)
        if status != 200:
            raise RuntimeError(f"{url}: HTTP {status}")
        left = int(headers["content-length"])
        with open(path + ".part", "wb") as file:
            while left:
                data = await connection[0].read(min(left, 1 << 18))
                if not data:
                    raise RuntimeError(f"{url}: the connection ended early")
                file.write(data)
                left -= len(data)
        os.rename(path + ".part", path)
        self.idle.append(connection)


def token(access_key, secret_key):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    now = int(time.time())
    claims = {"iss": access_key, "exp": now + 1800, "nbf": now - 5}
    signed = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + b"." + part(json.dumps(claims).encode())
    return (signed + b"." + part(hmac.new(secret_key.encode(), signed, hashlib.sha256).digest())).decode()


class Dubber:
    def __init__(self, api, folder, slots, downloads):
        self.api, self.folder = api, folder
        self.slots, self.downloads = asyncio.Semaphore(slots), asyncio.Semaphore(downloads)
        self.waiting = {}  # task id -> the future of its status

    async def dub(self, job, video, audio):
        async with self.slots:
            session = await self.api.call("POST", "/v1/videos/identify-face", {"video_url": video})
            face = {"face_id": session["face_data"][0]["face_id"], "sound_file": audio, "sound_start_time": 0}
            face |= {"sound_end_time": 4000, "sound_insert_time": 0, "sound_volume": 1, "original_audio_volume": 1}
            request = {"session_id": session["session_id"], "face_choose": [face], "external_task_id": job}
            created = await self.api.call("POST", TASKS, request)
            ended = self.waiting[created["task_id"]] = asyncio.get_running_loop().create_future()
            task = await ended
        if task["task_status"] != "succeed":
            raise RuntimeError(f"{job}: {task['task_status_msg']}")
        async with self.downloads:
            url = task["task_result"]["videos"][0]["url"]
            await self.api.download(url, os.path.join(self.folder, job + ".mp4"))

    async def poll(self):
        while True:
            missing, page = set(self.waiting), 1
            size = min(500, max(30, 2 * len(missing)))
            while missing:
                tasks = await self.api.call("GET", f"{TASKS}?pageNum={page}&pageSize={size}")
                for task in tasks:
                    missing.discard(task["task_id"])
                    if task["task_status"] in ("succeed", "failed") and task["task_id"] in self.waiting:
                        self.waiting.pop(task["task_id"]).set_result(task)
                missing, page = missing if tasks else set(), page + 1
            await asyncio.sleep(POLL_SECONDS)


async def main(base_url, jobs, folder, slots=256, downloads=16):
    authorization = "Bearer " + token(os.environ["KLING_ACCESS_KEY"], os.environ["KLING_SECRET_KEY"])
    dubber = Dubber(Connections(base_url, authorization), folder, int(slots), int(downloads))
    with open(jobs, newline="") as file:
        rows = list(csv.reader(file))
    async with asyncio.TaskGroup() as group:
        polling = group.create_task(dubber.poll())
        dubbing = [group.create_task(dubber.dub(*row)) for row in rows]
        await asyncio.wait(dubbing)
        polling.cancel()


asyncio.run(main(*sys.argv[1:]))
