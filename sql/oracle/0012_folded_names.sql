-- The folded form of each file name, which filters compare. The program writes it, because SQL has no such folding.
-- passes over ORA-01430
ALTER TABLE images ADD (file_name_folded VARCHAR2(1000 CHAR));
