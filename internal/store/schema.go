package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// bringUp brings the schema of a store up to date with the migrations of a folder.
// A store that a newer hansom has brought further is refused: what stands there that
// this one does not know, such as a new bound on what somebody may see, would be
// passed over in silence.
func bringUp(ctx context.Context, dialect goose.Dialect, db *sql.DB, folder string) error {
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db, files)
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	is, known, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	if is > known {
		return fmt.Errorf("this store was written by a newer hansom (its schema is version %d, this one knows up to %d): "+
			"run that version, or put back a copy from before the upgrade", is, known)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bring the schema up to date: %w", err)
	}
	return nil
}
