package report

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// An End is the last line. Hash is over all lines before it, each with a line
// feed.
type End struct {
	Points int
	Hash   string // SHA-256, in 64 hexadecimal digits
	Nonce  string
}

// endOf returns the end line of a report with that many points.
func endOf(lines []string, points int, nonce string) End {
	size := 0
	for _, line := range lines {
		size += len(line) + 1
	}
	text := make([]byte, 0, size)
	for _, line := range lines {
		text = append(append(text, line...), '\n')
	}
	hash := sha256.Sum256(text)
	return End{points, hex.EncodeToString(hash[:]), orDash(nonce)}
}

func (e End) line() string {
	return fmt.Sprintf("%spoints=%d sha256=%s nonce=%s", endMark, e.Points, e.Hash, e.Nonce)
}

// ParseEnd reads an end line.
func ParseEnd(line string) (e End, ok bool) {
	text, ok := strings.CutPrefix(line, endMark+"points=")
	if !ok {
		return End{}, false
	}
	points, text, _ := strings.Cut(text, " sha256=")
	hash, nonce, _ := strings.Cut(text, " nonce=")
	e = End{Hash: hash, Nonce: nonce}
	e.Points, _ = strconv.Atoi(points)
	return e, isNumber(points) && isHash(hash) && isWord(nonce) && line == e.line()
}

func isHash(text string) bool {
	return len(text) == hex.EncodedLen(sha256.Size) && all(text, isHexDigit)
}

func (e End) checkHash(lines []string) error {
	if endOf(lines, e.Points, e.Nonce) != e {
		return errors.New("its lines do not match its hash")
	}
	return nil
}
