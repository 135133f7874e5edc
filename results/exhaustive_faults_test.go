package results

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"vmspec/results/report"
)

// A fault breaks the log at a byte.
type fault struct {
	name string
	// dress puts something before each line of the log; nil for nothing.
	dress func(line int) string
	// end is how each line ends, if not as in the log.
	end string
	// edit says how many bytes at n are gone, and what comes instead.
	edit func(log string, n int) (gone int, instead string)
	// ahead stands before the log.
	ahead string
	// record makes a record of each line of the log, without its end.
	record func(line string) string
	// every is how many bytes lie between two that are broken; 1 if zero.
	every int
	// behind is what comes after the broken lines, given the log's lines, if it
	// is not these alone.
	behind func(log string, lines []string) []string
	// cut tells that the log ends at n, and wanted is the nonce of what is to be
	// found then, if it is not the log's.
	cut    bool
	wanted string
}

// insert breaks a log by something between two bytes.
func insert(text string) func(string, int) (int, string) {
	return func(string, int) (int, string) { return 0, text }
}

// lose takes bytes out.
func lose(bytes int) func(string, int) (int, string) {
	return func(string, int) (int, string) { return bytes, "" }
}

// double repeats bytes.
func double(bytes int) func(string, int) (int, string) {
	return func(log string, n int) (int, string) { return 0, log[n:min(n+bytes, len(log))] }
}

// swap exchanges bytes with those behind them.
func swap(bytes int) func(string, int) (int, string) {
	return func(log string, n int) (int, string) {
		middle, end := min(n+bytes, len(log)), min(n+2*bytes, len(log))
		return end - n, log[middle:end] + log[n:middle]
	}
}

// flip changes bits of a byte.
func flip(mask byte) func(string, int) (int, string) {
	return func(log string, n int) (int, string) { return 1, string([]byte{log[n] ^ mask}) }
}

// stamped is a prefix with a time that goes on by 10 ms a line.
func stamped(format string) func(int) string {
	return func(line int) string { return fmt.Sprintf(format, line/100%60, line%100) }
}

func domain(int) string { return "(XEN) DOM1: " }

const (
	kernelLine = "[    2.718281] virtio_blk virtio0: [vda] 8 512-byte logical blocks"
	// What EDK2 draws when it changes the screen's mode.
	screen = "\x1b[2J\x1b[01;01H\x1b[=3h\x1b[0m\x1b[35m\x1b[40m"
	forged = "ok 1 - FW-UEFI-BOOT The VM boots through UEFI firmware"
)

var faults = append([]fault{
	{name: "cut", cut: true, edit: cutOff},

	{name: "byte lost", edit: lose(1)},
	{name: "16 bytes lost", edit: lose(16)},
	{name: "200 bytes lost", edit: lose(200)},
	{name: "2000 bytes lost", edit: lose(2000)},
	{name: "byte doubled", edit: double(1)},
	{name: "64 bytes doubled", edit: double(64)},
	{name: "bit flipped", edit: flip(0x01)},
	{name: "bit 7 set", edit: flip(0x80)},
	{name: "byte lost to a blank", edit: func(log string, n int) (int, string) { return 1, " " }},
	{name: "bytes swapped", edit: swap(1)},
	{name: "64 bytes swapped", edit: swap(64)},

	{name: "NUL", edit: insert("\x00")},
	{name: "NULs for 16 bytes", edit: func(log string, n int) (int, string) { return 16, strings.Repeat("\x00", 16) }},
	{name: "control byte", edit: insert("\x07")},
	{name: "byte 255", edit: insert("\xff")},
	{name: "colour", edit: insert("\x1b[1;32m")},
	{name: "UEFI's screen", edit: insert(screen)},
	{name: "half an escape", edit: insert("\x1b[1;3")},

	{name: "line feed", edit: insert("\n")},
	{name: "line broken, CR LF", end: "\r\n", edit: insert("\r\n")},
	{name: "line broken, CR CR LF", end: "\r\r\n", edit: insert("\r\r\n")},
	{name: "line end lost, LF", end: "\n", edit: lose(1)},
	{name: "kernel, to the line's end", edit: insert(kernelLine + "\r\n")},
	{name: "kernel, on lines of its own", edit: insert("\r\n" + kernelLine + "\r\n" + kernelLine + "\r\n")},
	{name: "kernel, without a line end", edit: insert(kernelLine)},
	{name: "kernel's time, kernel in between", dress: stamped("[   %02d.%02d0000] "), edit: insert("\r\n" + kernelLine + "\r\n")},
	{name: "kernel's time, broken", dress: stamped("[   %02d.%02d0000] "), edit: insert("\r\n[   59.000000] ")},
	{name: "LAVA, broken", dress: stamped("2026-11-25T06:50:%02d.%02d "), edit: insert("\r\n2026-11-25T06:51:00.00 ")},
	{name: "LAVA, byte lost", dress: stamped("2026-11-25T06:50:%02d.%02d "), edit: lose(1)},
	{name: "ts, broken", dress: stamped("Nov 25 06:%02d:%02d "), edit: insert("\nNov 25 06:59:59 ")},
	{name: "syslog, broken", dress: stamped("<30>Nov 25 06:%02d:%02d farm-3 qemu[77]: "), edit: insert("\n<30>Nov 25 06:59:59 farm-3 qemu[77]: ")},
	{name: "syslog, byte lost", dress: stamped("<30>Nov 25 06:%02d:%02d farm-3 qemu[77]: "), edit: lose(1)},
	{name: "Xen, broken", dress: domain, edit: insert("\n(XEN) DOM1: ")},
	{name: "Xen, its own line", dress: domain, edit: insert("\n(XEN) grant_table.c:1909:d1v0 Expanding d1\n")},
	{name: "Xen, byte lost", dress: domain, edit: lose(1)},

	{name: "result imitated", edit: insert("\r\n" + forged + "\r\n")},
	{name: "result imitated, in a line", edit: insert(forged)},
	{name: "plan imitated", edit: insert("\r\n1..2\r\n")},
	{name: "report begun", edit: insert("\r\nTAP version 13\r\n")},
	{name: "end imitated", edit: insert("\r\n# vmspec: end points=1 sha256=" + strings.Repeat("0", 64) + " nonce=" + nonce + "\r\n")},
	{name: "frame imitated", edit: func(log string, _ int) (int, string) {
		return 0, "\r\n# v1 " + nonce + " 2/" + framesOf(log) + " 00000000 AAAA\r\n"
	}},
	{name: "whole report of another", edit: insert("\r\n" + another)},

	{name: "line lost", edit: func(log string, n int) (int, string) { return lineAt(log, n), "" }},
	{name: "line doubled", edit: func(log string, n int) (int, string) { return 0, log[n : n+lineAt(log, n)] }},
	{name: "lines swapped", edit: func(log string, n int) (int, string) { return swap(lineAt(log, n))(log, n) }},

	{name: "other console, by turns", edit: insert("\r\n"), behind: byTurns},
	{name: "other console, at once", edit: insert("\r\n"), behind: func(log string, lines []string) []string {
		return slices.Concat(reportOf(log), lines)
	}},
	{name: "older boot before, byte lost", ahead: another, edit: lose(1)},
	{name: "older boot before, cut", ahead: another, edit: cutOff, cut: true},
	{name: "another boot behind a cut", edit: cutOff, wanted: anotherNonce, behind: func(string, []string) []string {
		return strings.SplitAfter("\n"+another, "\n")
	}},
}, sampledFaults...)

// rare is how many bytes lie between two faults of the kinds that are sampled.
const rare = 7

var sampledFaults = []fault{
	{name: "docker compose, broken", every: rare, dress: always("vm1-1  | "), edit: insert("\nvm1-1  | ")},
	{name: "kubectl with times, byte lost", every: rare, dress: stamped("[pod/vm1/guest] 2026-11-25T06:50:%02d.%02d0Z "), edit: lose(1)},
	{name: "journald, 64 bytes lost", every: rare, dress: stamped("Nov 25 06:%02d:%02d host vm1[812]: "), edit: lose(64)},
	{name: "cat -n, bit flipped", every: rare, dress: func(line int) string { return fmt.Sprintf("%6d\t", line+1) }, edit: flip(0x01)},
	{name: "another VM's report, of another name", every: rare, dress: always("vm1-1  | "), edit: insert("\n" + dressed(another, "vm2-1  | "))},
	{name: "another VM's report, of another process", every: rare, dress: stamped("Nov 25 06:%02d:%02d host vm[812]: "), edit: insert("\n" + dressed(another, "Nov 25 06:59:59 host vm[813]: "))},
	{name: "two VMs by turns", every: rare, dress: always("vm1-1  | "), edit: insert("\n"), behind: byTurnsOf("vm1-1  | ", "vm2-1  | ")},
	{name: "two VMs by turns, byte lost", every: rare, dress: always("node1 "), edit: lose(1), behind: byTurnsOf("node1 ", "node2 ")},
	{name: "LAVA's records, byte lost", every: rare, record: func(l string) string {
		return fmt.Sprintf(`- {"dt": "2026-11-25T06:50:01", "lvl": "target", "msg": %q}`, l)
	}, edit: lose(1)},
	{name: "journald's records, bit flipped", every: rare, record: func(l string) string { return fmt.Sprintf(`{"_PID":"812","MESSAGE":%q,"PRIORITY":"6"}`, l) }, edit: flip(0x01)},
	{name: "journald's records, line broken", every: rare, record: func(l string) string { return fmt.Sprintf(`{"_PID":"812","MESSAGE":%q,"PRIORITY":"6"}`, l) }, edit: insert("\n")},
}

func always(name string) func(int) string { return func(int) string { return name } }

func dressed(log, prefix string) string {
	return prefix + strings.ReplaceAll(strings.TrimSuffix(log, "\r\n"), "\n", "\n"+prefix) + "\r\n"
}

// byTurnsOf is what a log's lines become if another VM of the same configuration
// shows its report meanwhile, each behind its name.
func byTurnsOf(name, other string) func(string, []string) []string {
	return func(log string, lines []string) (out []string) {
		others := reportOf(log)
		others[0] = name + others[0]
		for i := range max(len(lines), len(others)) {
			if i < len(others) {
				out = append(out, strings.Replace(others[i], name, other, 1))
			}
			if i < len(lines) {
				out = append(out, lines[i])
			}
		}
		return out
	}
}

const anotherNonce = "01dc0de0"

// another is a whole report of a guest with another nonce, and another verdict.
var another = func() string {
	lines := []string{report.Begin, "1..1", "# vmspec 0.1.0 catalogue=9bbf7dd4 profile=rfc-v2 arch=arm64 nonce=" + anotherNonce, forged}
	hash := sha256.Sum256([]byte(strings.Join(lines, "\n") + "\n"))
	return strings.Join(append(lines, fmt.Sprintf("# vmspec: end points=1 sha256=%x nonce=%s\r\n", hash, anotherNonce)), "\r\n")
}()

// framesOf is how many frames a copy has.
func framesOf(log string) string {
	_, after, _ := strings.Cut(log, "# v1 "+nonce+" 1/")
	total, _, _ := strings.Cut(after, " ")
	return total
}

func cutOff(log string, n int) (int, string) { return len(log) - n, "" }

// lineAt returns how long the line at n is, with its end.
func lineAt(log string, n int) int { return strings.IndexByte(log[n:], '\n') + 1 }

// reportOf returns the report's lines and its frames'.
func reportOf(log string) []string {
	return strings.SplitAfter(log[strings.Index(log, report.Begin):], "\n")
}

// byTurns is what a log's lines become if another console shows its report
// meanwhile.
func byTurns(log string, lines []string) []string {
	var out []string
	others := reportOf(log)
	for i, other := range others {
		out = append(out, other)
		if i < len(lines) {
			out = append(out, lines[i])
		}
	}
	return append(out, lines[min(len(lines), len(others)):]...)
}
