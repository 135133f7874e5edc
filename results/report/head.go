package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Begin is a report's first line.
const Begin = "TAP version 13"

// planLine announces how many points there are.
func planLine(points int) string { return "1.." + strconv.Itoa(points) }

func parsePlan(line string) (points int, ok bool) {
	number, ok := strings.CutPrefix(line, "1..")
	if !ok || !isNumber(number) {
		return 0, false
	}
	points, _ = strconv.Atoi(number)
	return points, true
}

// isNumber tells whether text is one to four decimal digits.
func isNumber(text string) bool {
	return text != "" && len(text) <= 4 && all(text, isDigit)
}

// all tells whether all bytes of a text are of a kind.
func all(text string, is func(byte) bool) bool {
	for i := range len(text) {
		if !is(text[i]) {
			return false
		}
	}
	return true
}

// A Head names the suite, the catalogue and the profile by which a guest was
// judged. Arch and Nonce are a dash on the wire if they are not known.
type Head struct{ Version, Catalogue, Profile, Arch, Nonce string }

func (h Head) line() string {
	return fmt.Sprintf("# vmspec %s catalogue=%s profile=%s arch=%s nonce=%s",
		h.Version, h.Catalogue, h.Profile, orDash(h.Arch), orDash(h.Nonce))
}

func orDash(text string) string { return cmp.Or(text, "-") }

func parseHead(line string) (h Head, ok bool) {
	text, ok := strings.CutPrefix(line, "# vmspec ")
	if !ok {
		return Head{}, false
	}
	for _, field := range []struct {
		key   string
		value *string
	}{{"", &h.Version}, {"catalogue=", &h.Catalogue}, {"profile=", &h.Profile}, {"arch=", &h.Arch}, {"nonce=", &h.Nonce}} {
		if text, ok = strings.CutPrefix(text, field.key); !ok {
			return Head{}, false
		}
		if *field.value, text, _ = strings.Cut(text, " "); !isWord(*field.value) {
			return Head{}, false
		}
	}
	return h, line == h.line()
}

// isWord tells whether text is one word, with no white space in it.
func isWord(text string) bool { return text != "" && !strings.ContainsAny(text, " \t\n\f\r") }

// MaxNonce is the longest nonce, in bytes: the end line has room for it.
const MaxNonce = 16

// IsNonce tells whether text may be a nonce, which distinguishes a guest's report
// from an older one. It may be empty.
func IsNonce(text string) bool {
	for i := range len(text) {
		if !isNonceByte(text[i]) {
			return false
		}
	}
	return len(text) <= MaxNonce
}

func isNonceByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// Mark begins the comments of a guest: those of its report, and what it says
// beside that, such as "# vmspec: trial clock".
const Mark = "# vmspec: "

// What begins a report's own comments.
const (
	parameterMark = Mark + "parameter "
	verdictMark   = Mark + "verdict "
	endMark       = Mark + "end "
)

// OfReport tells whether what follows Mark belongs to a report, or is what a guest
// needs: all else says what it does.
func OfReport(said string) bool {
	word, _, _ := strings.Cut(said, " ")
	others := []string{parameterMark, verdictMark, endMark, needMark, Mark + "chosen ", Mark + "provisional: "}
	return slices.Contains(others, Mark+word+" ") || strings.HasPrefix(Mark+said, inputMark)
}

// parameterLine says what is wrong with a parameter.
func parameterLine(problem string) string { return cut(parameterMark+plain(problem), MaxLine) }

func parseParameter(line string) (problem string, ok bool) {
	return strings.CutPrefix(line, parameterMark)
}
