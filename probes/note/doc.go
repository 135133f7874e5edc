// Package note is the format of the text that the suite leaves under vmspec/ in
// a guest, beside the guest's own files, so that it is captured, replayed and
// reviewed as /proc/interrupts is.
//
// A note is a file of lines. The first word of a line says what the line is; the
// values follow it. A measurement that failed, wholly or half-way, ends in a line
// "error TEXT". A result is "ok", or the name and the words that the kernel has
// for its error: "EIO input/output error".
//
// A note is declared once, by the package whose subject it is: a struct whose
// [Format] binds rows and fields to the struct's fields. What measures fills the
// struct. [Take] writes it, [Read] reads it, [Usage] documents it.
//
// # The notes
//
// vmspec/agreement: the counter, read without a pause and by CPUs in turn
//
//	counter NAME HZ
//	reads N backward N worst TICKS                how many, how many were behind the one before, and by how much at most
//	pair A B handovers N backward N worst TICKS   the same for two CPUs that read in turn
//
// vmspec/arch: GOARCH of the suite
//
// vmspec/clock: the real-time clock's seconds against the counter
//
//	rtc DEVICE
//	counter NAME HZ
//	edge SECONDS EARLIEST LATEST   the second began between these ticks
//	stuck SECONDS TICKS            the second did not end within so many ticks
//
// vmspec/context: "pid1" where the suite booted the guest, else "program"
//
// vmspec/counter: the generic timer's counter, read without a pause
//
//	cntfrq HZ
//	interrupts BEFORE AFTER TICKS   arch_timer's on all CPUs, before and after a busy wait
//	pace LEAST MOST NANOSECONDS     ticks between two readings of CLOCK_MONOTONIC
//	reads N backward N cpus N
//
// vmspec/disks: blocks that were read of each disk
//
//	open DISK RESULT
//	read DISK OFFSET RESULT   a logical block at this byte; "short BYTES" if fewer came
//
// vmspec/efi: the UEFI system table, where /dev/mem shows it
//
//	address ADDRESS
//	revision REVISION    major in the upper 16 bits, minor in the lower
//	vendor "TEXT"
//	table GUID ADDRESS   for each entry of the configuration table
//
// vmspec/entropy: how many random bytes the hardware's source gave
//
//	source NAME            as the kernel calls it
//	bytes COUNT DISTINCT   how many bytes came, and how many different values
//
// vmspec/hotplug: devices that the host was asked to plug, and then to unplug
//
//	asked KIND NONCE SECONDS RESULT   for a device of the kind
//	plug KIND done|cannot             the host's answer
//	came KIND NAME PLACE MILLISECONDS
//	other KIND PLACE DRIVER           a device that is none of the kind
//	block KIND OFFSET RESULT          of the disk, at this byte; "short BYTES" if fewer came
//	mark KIND ours|half|others|none   whether its first and last block name the request
//	up KIND RESULT                    the interface
//	address KIND WORD
//	carrier KIND 0|1
//	unplug KIND done|cannot           the host's answer
//	gone KIND MILLISECONDS            after the request
//
// vmspec/image: what was read of the disk from which the guest was booted
//
//	none REASON                  the guest was booted from no disk
//	disk NAME SIZE SECTOR HOW    sizes in bytes, and how the disk was found
//	partition GUID               from which the guest was booted, if that is known
//	loader "PATH"                the program that the firmware started
//	block OFFSET LENGTH BASE64   what was read, without zeroes at its end
//	unread OFFSET LENGTH RESULT
//
// vmspec/input: what was typed on the terminals, where that was asked for
//
//	asked TERMINAL WORD RESULT
//	typed TERMINAL "TEXT"   missing if nothing was typed
//
// vmspec/kmsg: the kernel's log, a message a line with its time stamp
//
// vmspec/modules: what became of each module the suite wanted loaded
//
//	loaded NAME
//	idle NAME          available, but no device asks for it
//	missing NAME WHY   built in, or not available, or loading failed
//
// vmspec/mark: a UEFI variable that a boot leaves for the next
//
//	read RESULT                          absent if there was none, foreign if it was not the suite's
//	found NONCE BOOT TOKEN COUNT AFTER   the mark of an earlier boot
//	remove RESULT                        of what was found
//	write RESULT
//	left NONCE BOOT TOKEN COUNT AFTER    this boot's mark
//
// vmspec/mounts: why efivarfs could not be mounted
//
// vmspec/network: the interfaces brought up, and who offered an address
//
//	up INTERFACE RESULT
//	carrier INTERFACE 0|1
//	ask INTERFACE RESULT   missing if there is no carrier
//	offer INTERFACE MILLISECONDS
//
// vmspec/offline: secondary CPUs that were taken offline and back
//
//	secondaries N
//	off CPU RESULT
//	on CPU RESULT
//	ran CPU ON   then a thread was bound to CPU, and ran on this one
//	log TEXT     the kernel's messages about it
//
// vmspec/parameters: the suite's parameters from SMBIOS OEM strings
//
// vmspec/pause: the clocks before and after the host was asked to pause the VM
//
//	rtc DEVICE
//	asked NONCE SECONDS RESULT
//	answer done|cannot
//	before RTC-SECONDS SYSTEM-MILLISECONDS
//	after RTC-SECONDS SYSTEM-MILLISECONDS
//
// vmspec/ports: which ports of a virtio console could be opened
//
//	port DEVICE RESULT
//
// vmspec/smbios: SMBIOS's version, and how many structures it has of each type
//
//	version MAJOR.MINOR.REVISION
//	entry BITS   of the entry point: 32 or 64
//	structures TYPE COUNT
//
// vmspec/ticks: the dead-timer test where the counter cannot be read
//
//	interrupts BEFORE AFTER TICKS   arch_timer's on all CPUs, before and after a busy wait
//
// vmspec/timer: sleeps and one-shot timers on each CPU
//
//	dead                                                             not tried: the dead-timer test saw no interrupt
//	counter NAME HZ
//	baseline TICKS                                                   what counting the interrupts took
//	cpu N before COUNT after COUNT woke SLEEPS                       the timer's interrupts there, and sleeps that ended
//	shot N ran CPU ended SHOTS asked TICKS took TICKS others COUNT   the one that was least late; others are interrupts of that CPU meanwhile
//	knock N came N                                                   whether a thread without a timer ran there, where a sleep did not end
//
// vmspec/touch: pages that were written and read back, and where they lie
//
//	page BYTES
//	touched PAGES wrong PAGES
//	piece START LAST PAGES LOWEST HIGHEST   for each piece of RAM in which pages lie; addresses of bytes
//
// vmspec/tpm: the TPM's family, manufacturer and PCR banks
//
//	family "TEXT"
//	manufacturer "TEXT"
//	bank ALGORITHM PCRS   for each algorithm that the TPM knows; 0 where it is off
//
// vmspec/variables: a UEFI variable that was made, read, extended and deleted
//
//	space FREE TOTAL   bytes
//	stale RESULT       deletes a variable that an earlier trial left
//	create RESULT
//	read RESULT        what was created came back
//	append RESULT
//	reread RESULT      what was appended came back, too
//	delete RESULT
package note
