package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
)

const (
	// journalSize is that of each file: thousands of records, and room for them when
	// the disk has none.
	journalSize = 2 << 20
	// sector is what disks write at once, whatever happens: a frame begins at one, so
	// that none is harmed by the next.
	sector = 512
	// frameHead is a frame's generation, length and checksum.
	frameHead = 16
	// frameMost bounds a frame, unless it has one record: those who wait for it wait
	// for all of it.
	frameMost = 256 << 10
	// waitingMost bounds, in octets, the records that are in memory alone: where the
	// disk takes none, requests go on coming, and each brings one. It is far more than
	// all that can wait at once while it takes them.
	waitingMost = 16 << 20
)

// journal is where records are until they are in the table: two files of a fixed
// size, written over and over, where one write that the disk confirms is all. Each
// generation has one of them, in turns; that of the generation before is needed until
// its records are in the table.
type journal struct {
	files [2]*os.File

	settling sync.Mutex // held while a generation becomes a block; taken before mu

	mu       sync.Mutex // guards all below; not held while the disk works
	turned   sync.Cond  // on mu: a write has ended
	gen      uint64
	at       int64    // where its next frame goes
	waiting  [][]byte // handed over, and not written yet
	octets   int      // in waiting
	written  [][]byte // of this generation
	old      [][]byte // of those before, on their way to the table
	oldGen   uint64   // the last of those
	kept     uint64   // how many records are on disk, of all that were handed over; waiting are those after
	writing  bool
	failed   error  // of the last write
	failedAt uint64 // the last record that was in it
}

// openJournal opens the files, made if they are not there. What a crash left in them,
// later than the generation that is in the table, is to be settled.
func openJournal(path string, settled uint64) (_ *journal, err error) {
	j := &journal{gen: settled + 1}
	j.turned.L = &j.mu
	found := map[uint64][][]byte{}
	for i := range j.files {
		if j.files[i], err = openJournalFile(fmt.Sprintf("%s-audit%d", path, i)); err != nil {
			return nil, errors.Join(err, j.close())
		}
		gen, records, err := readFrames(j.files[i])
		if err != nil {
			return nil, errors.Join(err, j.close())
		}
		if gen > settled {
			found[gen] = records
			j.oldGen = max(j.oldGen, gen)
		}
	}
	for gen := settled + 1; gen <= j.oldGen; gen++ {
		j.old = append(j.old, found[gen]...)
	}
	if len(j.old) > 0 {
		j.gen, j.at = j.oldGen, journalSize // nothing is written over what is not settled
	}
	return j, nil
}

func openJournalFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|dataSync, 0o600) //nolint:gosec // beside the database, which the operator names
	if err != nil {
		return nil, fmt.Errorf("open the journal of the audit: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() != journalSize {
		_, err = f.WriteAt(make([]byte, journalSize), 0) // from now on nothing but its content changes
		if err == nil {
			err = syncDir(filepath.Dir(name)) // and after a crash it is still there
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the journal of the audit: %w", err), f.Close())
	}
	return f, nil
}

func (j *journal) close() (err error) {
	for _, f := range j.files {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

func checksum(gen uint64, text []byte) uint32 {
	var head [8]byte
	binary.LittleEndian.PutUint64(head[:], gen)
	table := crc32.MakeTable(crc32.Castagnoli) // made once, and computed by the processor
	return crc32.Update(crc32.Checksum(head[:], table), table, text)
}

// frame gives records as they are in a file.
func frame(gen uint64, records [][]byte) []byte {
	b := make([]byte, frameHead, sector)
	for _, r := range records {
		b = append(append(b, r...), '\n')
	}
	binary.LittleEndian.PutUint64(b, gen)
	binary.LittleEndian.PutUint32(b[8:], uint32(len(b)-frameHead)) //nolint:gosec // below journalSize
	binary.LittleEndian.PutUint32(b[12:], checksum(gen, b[frameHead:]))
	return append(b, make([]byte, (sector-len(b)%sector)%sector)...)
}

// readFrames reads the frames at the beginning of a file that are whole and of one
// generation.
func readFrames(f *os.File) (gen uint64, records [][]byte, err error) {
	all := make([]byte, journalSize)
	if _, err := f.ReadAt(all, 0); err != nil {
		return 0, nil, fmt.Errorf("read the journal of the audit: %w", err)
	}
	for len(all) >= frameHead {
		of, size := binary.LittleEndian.Uint64(all), int(binary.LittleEndian.Uint32(all[8:]))
		if of == 0 || gen != 0 && of != gen || size > len(all)-frameHead {
			break
		}
		text := all[frameHead : frameHead+size]
		if checksum(of, text) != binary.LittleEndian.Uint32(all[12:]) {
			break
		}
		gen = of
		for line := range bytes.Lines(text) {
			records = append(records, bytes.TrimSuffix(line, []byte{'\n'}))
		}
		all = all[(frameHead+size+sector-1)/sector*sector:]
	}
	return gen, records, nil
}

var errJournalFull = errors.New("the journal of the audit is full")

// put hands records over, to be written by the next who waits; upto is for wait.
// Where too many wait already they are not taken, and upto is that of those.
func (j *journal) put(records [][]byte) (upto uint64, taken bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if taken = j.octets < waitingMost; taken {
		j.waiting, j.octets = append(j.waiting, records...), j.octets+octetsIn(records)
	}
	return j.kept + uint64(len(j.waiting)), taken
}

func octetsIn(records [][]byte) (n int) {
	for _, r := range records {
		n += len(r)
	}
	return n
}

// wait returns when the records up to one are on disk. Who comes while nobody writes
// writes for all.
func (j *journal) wait(upto uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.kept < upto {
		if !j.writing {
			if err := j.write(); err != nil {
				return err
			}
			continue
		}
		j.turned.Wait()
		if j.failed != nil && j.failedAt >= upto {
			return j.failed
		}
	}
	return nil
}

// write writes what waits, or as much of it as goes into a frame. mu is held, and
// nobody writes.
func (j *journal) write() error {
	n, size := 0, frameHead
	for n < len(j.waiting) && (n == 0 || size+len(j.waiting[n]) < frameMost) {
		size += len(j.waiting[n]) + 1
		n++
	}
	records, text, at := j.waiting[:n:n], frame(j.gen, j.waiting[:n]), j.at
	if at+int64(len(text)) > journalSize {
		return errJournalFull
	}
	file := j.files[j.gen%2]
	j.writing = true
	j.mu.Unlock()
	_, err := file.WriteAt(text, at)
	j.mu.Lock()
	j.writing = false
	if j.failed, j.failedAt = err, j.kept+uint64(n); err == nil {
		j.at += int64(len(text))
		j.kept += uint64(n)
		j.written, j.waiting, j.octets = append(j.written, records...), j.waiting[n:], j.octets-octetsIn(records)
	}
	j.turned.Broadcast()
	return err
}

// turn begins the next generation, and gives what is to go to the table: all that
// came before it. 0: nothing is.
func (j *journal) turn() ([][]byte, uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.old) > 0 {
		return j.old, j.oldGen // it could not be settled before
	}
	if !j.writing && len(j.waiting) > 0 { // nobody may wait for them
		_ = j.write() // who does is told
	}
	for j.writing {
		j.turned.Wait()
	}
	if len(j.written) == 0 && j.at == 0 {
		return nil, 0
	}
	j.old, j.oldGen, j.written = j.written, j.gen, nil
	j.gen, j.at = j.gen+1, 0
	return j.old, j.oldGen
}

// settled says that what turn gave is in the table.
func (j *journal) settled() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.old = nil
}
