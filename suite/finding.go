package suite

import (
	"fmt"
	"strings"

	"vmspec/probes/guest"
	"vmspec/probes/image"
	"vmspec/probes/note"
)

// judgeRead judges what could be read: it fails if anything is wrong, and
// cannot tell if something is unread.
func judgeRead(wrong []string, unread string, found ...string) Finding {
	return conclude(wrong, appendNonEmpty(nil, unread), found, pass())
}

// conclude fails if anything is wrong, and cannot tell if anything is in doubt.
// If nothing was found either, the finding is nothing. Doubts have one common
// reason as a rule, so only the first is printed.
func conclude(wrong, doubt, found []string, nothing Finding) Finding {
	switch {
	case len(wrong) > 0:
		return fail(strings.Join(wrong, "; "), found...)
	case len(doubt) > 0:
		return unreadable(doubt[0], found...)
	case len(found) == 0:
		return nothing
	}
	return pass(found...)
}

// uncaptured ends the error of a file that a capture does not have.
var uncaptured = ": " + guest.ErrNotCaptured.Error()

func notCaptured(err string) bool { return strings.HasSuffix(err, uncaptured) }

// unreadable is the finding where a fact is missing; err says why.
func unreadable(err string, found ...string) Finding {
	if !notCaptured(err) {
		return unknown(err, found...)
	}
	path := strings.TrimSuffix(err, uncaptured)
	path = path[strings.LastIndexByte(path, ' ')+1:]
	if path == note.Path(&image.Note{}) {
		path = "the boot disk"
	}
	return olderCapture(path, found...)
}

// olderCapture is the finding where a capture lacks what today's vmspec records.
func olderCapture(lacks string, found ...string) Finding {
	return unknown("this capture was taken by an older vmspec that did not record "+lacks+"; capture again", found...)
}

// appendNonEmpty appends a text unless it is empty.
func appendNonEmpty(texts []string, text string) []string {
	if text == "" {
		return texts
	}
	return append(texts, text)
}

// share says how many of all there are: "7 of 8 devices running". It is empty
// if there are none.
func share(n, all int, noun, what string) []string {
	if all == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d of %s %s", n, count(all, noun), what)}
}
