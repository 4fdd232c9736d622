/**
 * Types commands into a shell of the guest and checks its answers. Debian's statically linked busybox (package busybox-static) is put into
 * the guest's root; quiet keeps the kernel's own messages off the console:
 *
 *     npx tsx run.ts images/mount-and-read.bin --file /bin/busybox=/bin/busybox --exec '/bin/busybox sh' \
 *       --append quiet --script examples/shell-dialogue.ts
 */
import type { Session } from "../src/index.ts";

export default async function (session: Session): Promise<void> {
  const shell = session.dialogue({ prompt: /^.*# $/m });
  const run = async (command: string): Promise<string> => {
    const answer = await shell.command(command);
    session.log(`# ${command}`);
    for (const line of answer.split("\n")) if (line !== "") session.log(`  ${line}`);
    return answer;
  };

  session.expectEqual(await run("echo $((6 * 7))"), "42\n", "what the shell computes");
  await run("mount -t btrfs /dev/vda /mnt");
  session.expectEqual(await run("ls /mnt | sort | head -n 3"), "directory\nempty\nhello.txt\n", "the first names");
  session.expectEqual(await run("cat /mnt/directory/deeper/page.txt | wc -c"), "4096\n", "the bytes of a file");

  // From here on every mount fails; the shell says why.
  session.expectEqual(await run("umount /mnt && echo done"), "done\n", "the answer of umount");
  const patch = session.patch("open_ctree", "mov eax, -12; ret");
  const refused = await run("mount -t btrfs /dev/vda /mnt; echo $?");
  session.expect(/Cannot allocate memory/.test(refused), "mount to fail for want of memory");
  patch.undo();
  await run("mount -t btrfs /dev/vda /mnt; echo $?");

  await shell.send("exit 3");
  await session.expectExit(3);
}
