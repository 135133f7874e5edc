package results

import (
	"bytes"
	"strings"

	"vmspec/results/report"
)

// A stage of a start, by who writes there.
type stage int

const (
	byFirmware stage = 1 << iota
	byKernel
	bySuite
)

// signs are what a machine writes while it starts: EDK2's
// ArmPlatformPkg/PrePeiCore, U-Boot's banner, Linux's EFI stub and its
// arch/arm64/kernel/setup.c, and the suite.
var signs = []struct {
	text string
	by   stage
}{
	{"UEFI firmware (version ", byFirmware},
	{"U-Boot 20", byFirmware}, // behind it the rest of the year
	{"EFI stub: Booting Linux", byKernel},
	{"Booting Linux on ", byKernel},
	{report.Begin, bySuite},
	{"# vmspec", bySuite},
}

// The meanings of the stages where they are behind a report.
var starts = map[stage]string{
	byFirmware: "a firmware starts",
	byKernel:   "a kernel starts",
	bySuite:    "the suite starts",
}

// initStarted begins the first line of the suite's init.
const initStarted = report.Mark + "init "

// ominous says what a line behind a whole report means for the boot that wrote
// it; empty for a line that means nothing.
func ominous(line string) string {
	at := signals.find(line)
	if at < 0 {
		return ""
	}
	for _, s := range signs {
		if s.by != bySuite && strings.Contains(line[at:], s.text) {
			return starts[s.by]
		}
	}
	if strings.Contains(line[at:], initStarted) {
		return starts[bySuite]
	}
	meaning, _ := Symptom(line[at:])
	return meaning
}

// signals finds the texts that say something of a guest's health.
var signals = newFinder(signalTexts()...)

func signalTexts() (texts []string) {
	for _, s := range signs {
		texts = append(texts, s.text)
	}
	for _, s := range symptoms {
		texts = append(texts, s.text)
	}
	return texts
}

// shows tells whether a text has a sign of one of the stages.
func shows(text string, by stage) bool {
	for _, s := range signs {
		if s.by&by != 0 && strings.Contains(text, s.text) {
			return true
		}
	}
	return false
}

// Boots tells whether a line is among the first of a boot.
func Boots(line string) bool { return shows(line, byFirmware|byKernel) }

// Alive tells whether a text is that of a guest which has come as far as its
// kernel.
func Alive(text string) bool { return shows(text, byKernel|bySuite) }

// The meanings of symptoms.
const (
	panicked  = "the guest's kernel panicked"
	oopsed    = "the guest's kernel crashed"
	stubbed   = "the kernel's EFI stub gave up"
	treeless  = "the kernel refused its device tree"
	crashed   = "the firmware crashed"
	asserted  = "the firmware stopped at an assertion"
	bootless  = "the firmware found nothing to boot"
	shelled   = "the firmware found nothing to boot and started its shell"
	grubbed   = "GRUB found no configuration and started its shell"
	xenCrash  = "the hypervisor crashed"
	restarted = "the machine starts again and again"
)

// symptoms are lines of a guest that may not report any more, with what they
// mean. The first of a line counts.
var symptoms = []struct{ text, meaning string }{
	// Linux: kernel/panic.c, arch/arm64/kernel/traps.c, drivers/firmware/efi/libstub
	{"Kernel panic - not syncing", panicked},
	{"Internal error: Oops", oopsed},
	{"Internal error: synchronous external abort", oopsed},
	{"Internal error: SError", oopsed},
	{"EFI stub: ERROR", stubbed},
	{"Error: invalid device tree blob at physical address", treeless},
	// EDK2: ArmPkg/Library/DefaultExceptionHandlerLib, MdePkg's DebugLib, MdeModulePkg/Universal/BdsDxe
	{"Synchronous Exception at", crashed},
	{"SError Exception at 0x", crashed},
	{" Exception PC at 0x", crashed}, // on 32 bits
	{"ASSERT [", asserted},
	{"No bootable option or device", bootless},
	{"UEFI Interactive Shell", shelled},
	// U-Boot: arch/arm/lib/interrupts_64.c and interrupts.c, common/hang.c
	{`"Synchronous Abort" handler`, crashed},
	{`"Error" handler, esr`, crashed},
	{"Resetting CPU ...", crashed},
	{"Please RESET the board", crashed},
	// Trusted Firmware: common/backtrace and bl31's crash reporting
	{"Unhandled Exception in EL3", crashed},
	{"PANIC at PC : 0x", crashed},
	// GRUB's normal mode, and its core without one; Xen's panic()
	{"Minimal BASH-like line editing", grubbed},
	{"grub rescue>", grubbed},
	{"Panic on CPU ", xenCrash},
}

// Symptom returns what a line says of a guest that cannot go on; ok is false
// for any other line.
func Symptom(line string) (meaning string, ok bool) {
	for _, s := range symptoms {
		if strings.Contains(line, s.text) {
			return s.meaning, true
		}
	}
	return "", false
}

// Health follows a guest's lines and keeps what says that the guest cannot go
// on.
type Health struct {
	Symptom string // what is wrong; empty for nothing
	Line    int    // the number of the line that said so
	Text    string // that line

	lines   int
	seen    stage          // who wrote lines
	loops   bool           // the symptom is that the machine starts again
	first   string         // the first line that looks like a firmware's
	firstAt int            // where it was seen last
	word    string         // of it, which decides for most lines
	starts  map[string]int // since the last sign of the suite
}

// A Change is what a line changes in a guest's health.
type Change int

const (
	Same         Change = iota
	SymptomShown        // the first one
	Recovered           // the guest goes on all the same
)

// Take takes the next line.
func (h *Health) Take(line string) Change {
	h.lines++
	signal := signals.find(line) >= 0 // of most lines nothing else is asked
	h.see(line, signal)
	if signal && shows(line, bySuite) {
		h.starts = nil
	}
	meaning, bad := "", false
	if signal {
		meaning, bad = Symptom(line)
	}
	looping := h.startsTooOften(line, signal)
	switch {
	case looping && !h.loops: // however it ended each time
		h.loops, meaning, bad = true, restarted, true
	case bad && h.Symptom == "":
	case signal && h.Symptom != "" && (shows(line, bySuite) || Alive(line) && !h.loops):
		h.Symptom, h.Line, h.Text, h.loops = "", 0, "", false
		return Recovered
	default:
		return Same
	}
	h.Symptom, h.Line, h.Text = meaning, h.lines, line
	return SymptomShown
}

const (
	// A machine that starts this often, and not once into the suite, is in a loop.
	// A kernel may start another one.
	loopStarts = 3
	// The first line of an unknown firmware is one of its start only if other
	// lines follow it.
	loopApart = 4
	// A shorter line may come again by chance.
	loopLine = 12
)

// see notes who wrote a line.
func (h *Health) see(line string, signal bool) {
	if h.seen&byKernel == 0 && stamp(line) >= 0 {
		h.seen |= byKernel
	}
	if !signal {
		return
	}
	for _, s := range signs {
		if h.seen&s.by == 0 && strings.Contains(line, s.text) {
			h.seen |= s.by
		}
	}
}

// Reached says how far a guest came in which the suite did not start; empty if it
// did.
func (h *Health) Reached() string {
	switch {
	case h.seen&bySuite != 0 || h.lines == 0:
		return ""
	case h.seen&byKernel != 0:
		return "a kernel runs, and the suite does not: did it get the guest's initramfs?"
	case h.seen&byFirmware != 0:
		return "a firmware starts, and no kernel does"
	}
	return "no line of it is a firmware's, a kernel's or the suite's: is it a guest's console?"
}

// startsTooOften tells whether a line belongs to a start that was seen too often.
// signal says that the line holds a sign or a symptom.
func (h *Health) startsTooOften(line string, signal bool) bool {
	starts := signal && Boots(line)
	if h.first != "" && !starts && !strings.Contains(line, h.word) || h.first == "" && len(line) < loopLine {
		return false
	}
	var buffer [256]byte
	key := appendTimeless(buffer[:0], line)
	if h.first == "" && len(key) >= loopLine {
		h.first, h.firstAt, h.word = string(key), h.lines-loopApart, longestWord(line)
	}
	if string(key) == h.first {
		starts = starts || h.lines-h.firstAt >= loopApart
		h.firstAt = h.lines
	}
	if !starts || signal && shows(line, bySuite) {
		return false
	}
	if h.starts == nil || len(h.starts) > maxStarts {
		h.starts = map[string]int{}
	}
	h.starts[string(key)]++
	return h.starts[string(key)] >= loopStarts
}

// longestWord returns the longest run of letters.
func longestWord(line string) (longest string) {
	for _, word := range strings.FieldsFunc(line, func(c rune) bool { return c > '~' || !isLetter(byte(c)) }) {
		if len(word) > len(longest) {
			longest = word
		}
	}
	return longest
}

// maxStarts bounds what is kept of a log that nobody vouches for.
const maxStarts = 64

// timeless takes out of a line what differs between two starts: times of day,
// and seconds since one.
func timeless(line string) string { return string(appendTimeless(nil, line)) }

func appendTimeless(out []byte, line string) []byte {
	kept := 0
	for i := 0; i < len(line); {
		n := run(line[i:], isDigit)
		if n == 0 {
			i++
			continue
		}
		end := i + n
		switch time := timeAt(line[i:], n); {
		case n == 4 && isDate(line[i:]):
			end = i + len("2026-11-29T")
		case time == n:
			i = end
			continue
		default:
			end = i + time
		}
		out = append(out, line[kept:i]...)
		i, kept = end, end
	}
	return bytes.TrimSpace(append(out, line[kept:]...))
}

// isDate tells whether a text begins as "2026-11-29T" does.
func isDate(text string) bool {
	return len(text) > 10 && text[4] == '-' && run(text[5:], isDigit) == 2 && text[7] == '-' && run(text[8:], isDigit) == 2 && (text[10] == 'T' || text[10] == ' ')
}

// timeAt measures the time by whose n first digits a text begins; it is n if
// they stand alone.
func timeAt(text string, n int) int {
	end := n
	for end+1 < len(text) && isSeparator(text[end]) && isDigit(text[end+1]) {
		end += 1 + run(text[end+1:], isDigit)
	}
	if end > n && end < len(text) && text[end] == 'Z' {
		end++
	}
	return end
}
