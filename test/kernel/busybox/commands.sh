# Commands whose output must be that of the host. The parts run in one directory, in this order; a part begins with its name.

#### streams
seq 1 20 | head -n 5; seq 1 20 | tail -n 3; seq 1 20 | wc; seq 5 -1 1 | tac

#### fields
echo a b c | awk '{ print $3, $1; x += NR } END { printf "%d %s\n", x, NF }'

#### awk
printf 'one 1\ntwo 2\nthree 3\n' > t; awk '{ s += $2 } END { print s }' t
awk -F ' ' '$2 > 1 { print toupper($1) }' t

#### sed
sed -n 2p t; sed 's/t\(.\)/T[\1]/g; 1d' t; sed -e '2i\' -e 'inserted' t; sed '$!N;s/\n/+/' t

#### grep
grep -n t t; grep -c o t; grep -v one t; grep -E 'o+|h' t
echo status $?; grep -q nothing t; echo status $?

#### sort
sort -k2 -r t; sort -n -k2 t | cut -d' ' -f1
printf 'b\na\nb\n' | sort | uniq -c | tr -s ' '
sort -u t

#### here-document
cat > h <<END
here $((6*7)) `echo document`
END
cat h

#### quoted-here-document
cat > h2 <<'END'
no $expansion `here`
END
cat -n h2; nl h2

#### tabbed-here-document
cat <<-X
	tabs
	go
	X

#### find
mkdir -p d/e/f; touch d/a d/e/b d/e/f/c; find d | sort
find d -type f -name '[bc]' | sort; find d -type d | wc -l

#### find-exec
find d -type f -exec echo found {} \; | sort
find d -type f | sort | xargs -n 2 echo pair
find d -empty | sort; find d -maxdepth 1 | sort

#### ls
ls -1 d; ls -la d/e | grep -v total | awk '{ print $1, $2, $NF }'; ls -R d | cat; ls -d d/* | cat; ls nothing; echo status $?

#### links
echo hello > f1; cp f1 f2; mv f2 f3; ln f1 f4
ln -s f1 f5; ls -l f? | awk '{ print $1, $2, $5, $9, $10, $11 }'
readlink f5; cat f5; rm f1; cat f5

#### modes
chmod 640 f3; stat -c '%a %A %s %F %h %n' f3 f5
chmod u+x,g-r f3; stat -c '%a' f3; umask 077
touch private; stat -c %a private; umask 022

#### times
chmod 755 d; stat -c '%A' d; chmod +t d; stat -c '%A' d
chmod -t d; chmod 4755 f3; ls -l f3 | cut -c1-10
touch -d '2001-02-03 04:05:06' f3; stat -c '%Y %y' f3
date -u -r f3; ls -l --full-time f3 | awk '{ print $6, $7, $8 }'

#### dd
dd if=/dev/zero of=z bs=1k count=100 2>/dev/null
ls -l z | awk '{ print $5 }'; dd if=z bs=4096 skip=2 count=3 2>/dev/null | wc -c
printf abc | dd of=z bs=1 seek=10 conv=notrunc 2>/dev/null
hexdump -C z | head -n 3; dd if=z of=z2 bs=1000 2>&1 | sed 2q
cmp z z2; echo same $?; truncate -s 5 z2; cmp z z2
od -c z2

#### sums
md5sum z; sha1sum z; sha256sum z; sha512sum z
sha3sum z; crc32 z; cksum z; sum z; sha256sum z t > sums
sha256sum -c sums; echo x >> t; sha256sum -c sums 2>/dev/null
echo status $?

#### archives
tar cf a.tar d t; tar tf a.tar | sort; mkdir x
tar xf a.tar -C x; find x | sort; tar czf a.tgz d
tar tzf a.tgz | sort; gzip -k t; zcat t.gz | cmp - t
echo $?; bzip2 -k t; bunzip2 -c t.bz2 | cmp - t
echo $?; rm t.gz t.bz2; printf data | xz 2>/dev/null | xz -d 2>/dev/null
printf data | lzop | lzop -d

#### cpio
find d | sort | cpio -o -H newc 2>/dev/null > a.cpio
cpio -t < a.cpio 2>/dev/null; mkdir y; cd y
cpio -id < ../a.cpio 2>/dev/null; cd ..; find y | sort

#### removal
rm -r d x y; rmdir nothing 2>&1; mkdir r; rmdir r
ls -d r; rm -f nothing; echo $?; rm nothing
echo $?; mkdir q; touch q/f; rmdir q; rm -rf q

#### status
sh -c 'exit 7'; echo $?; false; echo $?; true && echo and || echo or
! true; echo $?; (exit 3); echo $?; { echo group; }
test -f t && echo file; [ -d / ] && echo dir
[ 3 -gt 2 ] && echo greater; nocommand; echo $?

#### loops
for i in 1 2 3; do echo -n "$i "; done; echo
i=0; while [ $i -lt 3 ]; do i=$((i+1)); [ $i = 2 ] && continue; echo $i; done
until [ $i = 0 ]; do i=$((i-1)); done; echo $i
case abc in a*) echo case;; esac

#### functions
f() { local x=$1; echo "f $x $#"; return 5; }
f one two; echo $?; x=outer; f in; echo $x
set -- a 'b c' d; echo $# "$2"; shift 2; echo "$@"
for a; do echo "<$a>"; done

#### expansion
x=hello.tar.gz; echo ${x%.*} ${x%%.*} ${x#*.} ${x##*.} ${#x} ${x:1:3} ${x/l/L} ${y:-default} ${y:=set} $y ${x:+alt}
echo $((1<<4)) $((0x1f % 7)) $((5 > 3 ? 10 : 20)) $((-7/2))

#### text
echo "a	b" | expand; echo 'a        b' | unexpand -a
echo abcdef | fold -w 2; echo abc | rev; printf 'x\ty\n' | cut -f2
printf '1\n2\n' | paste -s -d,; echo hello | tr a-y b-z
echo aabbcc | tr -d b | tr -s c; yes ab | head -n 2

#### arithmetic
basename /a/b.c .c; dirname /a/b.c; expr 3 + 4 '*' 2
expr length abcd; expr abc : 'a\(.\)'; factor 360
seq -s, 1 3; printf '%05.1f|%-6s|%x|%o|%c|%e\n' 3.14159 ab 255 8 z 12345.678
echo 'scale=5; 22/7; 2^64' | bc; echo '5 3 * p' | dc

#### diff
diff t sums > /dev/null; echo $?; printf 'a\nb\nc\n' > l1
printf 'a\nB\nc\nd\n' > l2; diff l1 l2; diff -u l1 l2 | tail -n +3
diff -u l1 l2 > p; patch l1 < p; cmp l1 l2 && echo patched
comm l1 l2 2>/dev/null

#### redirection
echo err >&2; ls nothing 2>/dev/null; ls nothing 2>&1 | wc -l
{ echo out; echo err >&2; } 2>&1 >/dev/null
{ echo o; echo e >&2; } > both 2>&1; cat both
exec 5> five; echo to5 >&5; exec 5>&-; cat five
cat < five > six; echo more >> six; cat six
echo over > six; cat six; : > six; wc -c six

#### files
echo one | cat - five; cat < /dev/null; echo $(cat five) `cat five`
cat five five | sort | uniq -d; tee t1 t2 < five > /dev/null
cat t1 t2; echo piped | while read l; do echo "got $l"; done
read a b c < t; echo $a-$b; IFS=: read p q <<X
1:2:3
X
echo $p $q

#### jobs
sleep 0.05 & wait; echo waited; sleep 100 & kill $!
wait $! 2>/dev/null; echo $?; (sleep 0.02; echo background) & wait
sh -c 'kill -9 $$'; echo $?; sh -c 'trap "echo term; exit 4" TERM; kill $$; sleep 1'
echo $?; timeout 0.1 sleep 5; echo $?; (trap '' INT; kill -INT $(sh -c 'echo $PPID'); echo alive)

#### traps
trap 'echo exiting' EXIT; (exit 0); trap - EXIT
trap 'echo usr1' USR1; kill -USR1 $$; trap - USR1
kill -l 15; kill -0 $$; echo $?; kill -0 99999999 2>/dev/null
echo $?; nice -n 5 nice; nohup true 2>/dev/null
echo $?; setsid echo session; time -f %x true 2>&1
renice 3 $$ > /dev/null 2>&1; nice; usleep 1000
mktemp -u | cut -c1-9

#### dates
date -u -d @1000000000; date -u -d @0 +%Y-%m-%dT%H:%M:%SZ
date -u -d '2020-02-29 12:00' +%j; cal 2 2024
uname -sm; hostname > /dev/null
pwd | sed 's,.*/,,'; env | grep -c PATH; env -i A=1 env
printenv HOME; export B=2; sh -c 'echo $B'
unset B; echo ${B-unset}

#### environment
which sh | wc -l; type cd; command -v echo
alias g=grep; alias g; unalias g; hash; ulimit -n 64
ulimit -n; ulimit -c; getopt -o ab: -- -a -b x y
eval 'echo $((1+1))'; . ./sourced 2>/dev/null || echo none
echo 'v=7' > sourced; . ./sourced; echo $v
set -e; false || true; set +e; echo $-  | tr -d s | wc -l

#### bytes
strings -n 3 z; xxd t | head -n 2; printf '\001\002' | od -An -tx1
printf abc | base64; printf YWJj | base64 -d
printf abc | uuencode -m x | sed -n 2p; echo abc | xxd -p
echo 616263 | xxd -r -p; echo; dos2unix < t > /dev/null
shuf -e a | cat; split -l 1 l2 s_; ls s_*
cat s_ab; tsort < /dev/null; wc -lwc t l2
ts < /dev/null; du -s . > /dev/null
du -a five | awk '{ print $2 }'; df . > /dev/null && echo df
free > /dev/null && echo free; sync; stty -a < /dev/null 2>/dev/null
echo $?

#### nodes
mkfifo ff; cat ff & echo through > ff; wait
[ -p ff ] && echo fifo; mknod nn p; ls -l nn | cut -c1
rm ff nn; ln -sf t f5; readlink -f f5 | sed 's,.*/,,'
realpath t | sed 's,.*/,,'; test -L f5 && echo link
[ t -ef f5 ] && echo same; touch new; [ new -nt f3 ] && echo newer
link t hard; unlink hard; install -m 700 t inst
stat -c %a inst; flock l1 echo locked; tail -c 4 t
head -c 3 t; echo; tail -n +2 l2; more t < /dev/null | wc -l
run-parts --test . | head -n 0; ed -s t <<X
1p
q
X
